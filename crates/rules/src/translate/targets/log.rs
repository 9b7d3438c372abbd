//! `-j LOG`.
use crate::put;
use crate::targets::log::Log;
use crate::translate::{Expression, Untranslatable, header};

/// nft's names of the levels; 4 is left out.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

pub(super) fn translate(own: &Log, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let mut text = String::from("log");
    if !own.prefix.is_empty() {
        put!(text, " prefix {}", header::quoted("-j LOG --log-prefix", &own.prefix)?);
    }
    if let Some(level) = LEVELS.get(usize::from(own.level)).filter(|_| own.level != 4) {
        put!(text, " level {level}");
    }
    let Log { tcp_sequence, tcp_options, ip_options, uid, mac_decode, .. } = *own;
    if tcp_sequence && tcp_options && ip_options && uid && mac_decode {
        text.push_str(" flags all");
    } else {
        match (tcp_sequence, tcp_options) {
            (true, true) => text.push_str(" flags tcp sequence,options"),
            (true, false) => text.push_str(" flags tcp sequence"),
            (false, true) => text.push_str(" flags tcp options"),
            (false, false) => {}
        }
        for (set, words) in
            [(ip_options, " flags ip options"), (uid, " flags skuid"), (mac_decode, " flags ether")]
        {
            if set {
                text.push_str(words);
            }
        }
    }
    expression.statement(text);
    Ok(())
}
