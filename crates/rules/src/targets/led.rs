//! Lights an LED (`-j LED`). This kernel has no such target.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_word;
use crate::syntax::value::{Kind, number};

/// `-j LED`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// `--led-trigger-id`: at most 16 bytes.
    pub trigger: Box<str>,
    /// `--led-delay` in milliseconds; `None`: for ever.
    pub delay: Option<u32>,
    /// `--led-always-blink`.
    pub always_blink: bool,
}

/// `-j LED` in the language.
pub const EXTENSION: Extension<Led> = Extension {
    spec: Spec {
        name: "LED",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("led-trigger-id", Kind::Text { min: 0, max: 16, cut: 0 }).mandatory(),
            OptionSpec::new("led-delay", Kind::Word),
            OptionSpec::new("led-always-blink", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Led { trigger: "".into(), delay: Some(0), always_blink: false },
    parse: parse_option,
    finish: finish_nothing,
    save: |led, out| {
        out.push_str(" --led-trigger-id ");
        // Linux: the name stands in quotes always.
        if led.trigger.contains(['"', '\\']) {
            push_word(out, &led.trigger);
        } else {
            put!(out, "\"{}\"", led.trigger);
        }
        match led.delay {
            Some(0) => {}
            Some(delay) => put!(out, " --led-delay {delay}"),
            // Why: iptables saves it as -1, which it does not read.
            None => out.push_str(" --led-delay inf"),
        }
        if led.always_blink {
            out.push_str(" --led-always-blink");
        }
    },
    list: |led, out, _| {
        put!(out, " led-trigger-id:\"{}\" led-delay:", led.trigger);
        match led.delay {
            Some(delay) => put!(out, "{delay}ms"),
            None => out.push_str("inf"),
        }
        if led.always_blink {
            out.push_str(" led-always-blink");
        }
    },
    check: check_nothing,
};

fn parse_option(led: &mut Led, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "led-trigger-id" => led.trigger = call.value.text().into(),
        "led-delay" => {
            let text = call.text();
            let forever = text.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("inf"));
            let delay = match number(text, 0, u64::from(u32::MAX)).and_then(|delay| u32::try_from(delay).ok())
            {
                Some(delay) => delay,
                None if forever => u32::MAX,
                None => {
                    return Err(call.error(format!("Delay value must be within range 0..{}", u32::MAX)));
                }
            };
            led.delay = Some(delay).filter(|&delay| delay != u32::MAX);
        }
        _ => led.always_blink = true,
    }
    Ok(())
}

const HELP: &str = "LED target options:
--led-trigger-id name           suffix for led trigger name
--led-delay ms                  leave the LED on for this number of
                                milliseconds after triggering.
--led-always-blink              blink on arriving packets, even if
                                the LED is already on.
";
