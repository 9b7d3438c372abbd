//! The document: tables, chains, rules, comments.
use std::collections::HashMap;

use super::Fault;
use super::rule::{self, Side};
use super::words::{self, Word};

/// Names of tables and chains are kept so far (xtables: `XT_TABLE_MAXNAMELEN`).
const NAME_MAX: usize = 32;

/// A chain that a `:` line has named.
struct Chain {
    name: Vec<u8>,
    /// `None` for `-`.
    policy: Option<Vec<u8>>,
    counters: (u64, u64),
    /// Whether it has been written.
    written: bool,
}

/// Writes as lines come.
pub(super) struct Writer {
    /// What is written and not yet taken.
    pub(super) out: Vec<u8>,
    combine: bool,
    verbose: bool,
    in_table: bool,
    chains: Vec<Chain>,
    /// Where the chains of a name stand.
    by_name: HashMap<Vec<u8>, Vec<usize>>,
    /// The chain that is open.
    current: Option<Vec<u8>>,
    in_rule: bool,
    in_actions: bool,
    /// The words of the rule before, for `--combine`.
    before: Vec<Word>,
}

impl Writer {
    pub(super) fn new(combine: bool, verbose: bool) -> Self {
        Self {
            out: b"<iptables-rules version=\"1.0\">\n".to_vec(),
            combine,
            verbose,
            in_table: false,
            chains: Vec::new(),
            by_name: HashMap::new(),
            current: None,
            in_rule: false,
            in_actions: false,
            before: Vec::new(),
        }
    }

    /// One line, with its newline if it has one.
    pub(super) fn line(&mut self, line: &[u8], number: usize) -> Result<(), Fault> {
        match line.first() {
            None | Some(b'\n') => return Ok(()),
            Some(b'#') => {
                self.comment(line);
                return Ok(());
            }
            Some(_) if self.verbose => {
                let mut text = format!("line {number} ").into_bytes();
                text.extend_from_slice(line);
                self.comment(&text);
            }
            Some(_) => {}
        }
        match line {
            b"COMMIT\n" if self.in_table => self.close_table(),
            [b'*', rest @ ..] => self.open_table(rest)?,
            _ if !self.in_table => return Err(Fault::Line),
            [b':', rest @ ..] => self.declare(rest)?,
            _ => self.rule(line)?,
        }
        Ok(())
    }

    /// The end of the file.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        if self.in_table {
            return Err(Fault::Commit);
        }
        self.out.extend_from_slice(b"</iptables-rules>\n");
        Ok(())
    }

    /// Linux: dashes get a star in front, and every second one a blank before it, so that no two stand together.
    fn comment(&mut self, text: &[u8]) {
        self.out.extend_from_slice(b"<!-- ");
        let mut second = false;
        for &byte in text.strip_suffix(b"\n").unwrap_or(text) {
            if byte == b'-' {
                self.out.extend_from_slice(if second { b" *" } else { b"*" });
                second = !second;
            }
            self.out.push(byte);
        }
        self.out.extend_from_slice(b" -->\n");
    }

    fn open_table(&mut self, rest: &[u8]) -> Result<(), Fault> {
        let name = fields(rest).next().ok_or(Fault::Invalid("table name"))?;
        if self.in_table {
            self.close_table();
        }
        self.out.extend_from_slice(b"  <table ");
        self.attribute("name", cut(name));
        self.out.extend_from_slice(b">\n");
        self.in_table = true;
        Ok(())
    }

    fn close_table(&mut self) {
        self.close_chain();
        let chains = std::mem::take(&mut self.chains);
        self.by_name.clear();
        for chain in chains.iter().filter(|chain| !chain.written) {
            self.chain_tag(chain);
            self.out.extend_from_slice(b"/>\n");
        }
        self.out.extend_from_slice(b"  </table>\n");
        self.in_table = false;
    }

    fn declare(&mut self, rest: &[u8]) -> Result<(), Fault> {
        let mut fields = fields(rest);
        let name = fields.next().ok_or(Fault::Invalid("chain name"))?;
        let policy = fields.next().ok_or(Fault::Invalid("policy"))?;
        // Why: iptables-xml prints whatever was in memory where counters lack.
        let counters = fields.next().map_or((0, 0), scan_counters);
        self.by_name.entry(cut(name).to_vec()).or_default().push(self.chains.len());
        self.chains.push(Chain {
            name: cut(name).to_vec(),
            policy: (policy != b"-").then(|| policy.to_vec()),
            counters,
            written: false,
        });
        Ok(())
    }

    fn rule(&mut self, line: &[u8]) -> Result<(), Fault> {
        let (counters, text) = match line.strip_prefix(b"[") {
            Some(inner) => {
                let (counters, rest) = rule_counters(inner)?;
                (Some(counters), rest)
            }
            None => (None, line),
        };
        let words = words::split(text)?;
        let chain = words.iter().position(|word| word.text == b"-A").and_then(|at| words.get(at + 1));
        let chain = chain.ok_or(Fault::NoChain)?;
        self.need_chain(cut(&chain.text).to_vec());
        if self.combine && may_join(&self.before, &words) {
            self.comment(b"Combine action from next rule");
        } else {
            self.close_rule();
            self.open_rule(counters, &words);
        }
        self.actions(&words);
        if self.combine {
            self.before = words;
        }
        Ok(())
    }

    fn open_rule(&mut self, counters: Option<RuleCounters<'_>>, words: &[Word]) {
        self.out.extend_from_slice(b"      <rule ");
        if let Some(RuleCounters { packets, bytes }) = counters {
            self.attribute("packet-count", packets);
            self.attribute("byte-count", bytes);
        }
        self.out.extend_from_slice(b">\n");
        self.in_rule = true;
        let Some((first, _)) = behind_chain(words).split_first() else { return };
        if first.names_target() {
            return;
        }
        self.out.extend_from_slice(b"       <conditions>\n");
        self.part(Side::Conditions, words);
        self.out.extend_from_slice(b"       </conditions>\n");
    }

    fn actions(&mut self, words: &[Word]) {
        if !self.in_actions {
            self.out.extend_from_slice(b"       <actions>\n");
            self.in_actions = true;
        }
        self.part(Side::Actions, words);
    }

    fn part(&mut self, side: Side, words: &[Word]) {
        let chains = &self.by_name;
        // Linux: the empty name counts as that of a chain.
        let is_chain = |name: &[u8]| name.is_empty() || chains.contains_key(cut(name));
        rule::write(&mut self.out, side, behind_chain(words), is_chain);
    }

    fn close_rule(&mut self) {
        if std::mem::take(&mut self.in_actions) {
            self.out.extend_from_slice(b"       </actions>\n\n");
        }
        if std::mem::take(&mut self.in_rule) {
            self.out.extend_from_slice(b"      </rule>\n\n");
        }
    }

    /// Makes a chain the open one. Linux: one that no `:` line has named is never opened.
    fn need_chain(&mut self, name: Vec<u8>) {
        if self.current.as_ref() == Some(&name) {
            return;
        }
        let mut chains = std::mem::take(&mut self.chains);
        for at in self.by_name.get(&name).cloned().unwrap_or_default() {
            let Some(chain) = chains.get_mut(at) else { continue };
            chain.written = true;
            self.close_chain();
            self.chain_tag(chain);
            self.out.extend_from_slice(b">\n");
            self.current = Some(name.clone());
        }
        self.chains = chains;
    }

    fn close_chain(&mut self) {
        if self.current.take().is_some() {
            self.close_rule();
            self.out.extend_from_slice(b"    </chain>\n");
        }
    }

    fn chain_tag(&mut self, chain: &Chain) {
        self.out.extend_from_slice(b"    <chain ");
        self.attribute("name", &chain.name);
        if let Some(policy) = &chain.policy {
            self.attribute("policy", policy);
        }
        // Linux: written as signed numbers.
        for (name, count) in [("packet-count", chain.counters.0), ("byte-count", chain.counters.1)] {
            self.attribute(name, count.cast_signed().to_string().as_bytes());
        }
    }

    fn attribute(&mut self, name: &str, value: &[u8]) {
        push_text(&mut self.out, &[name.as_bytes(), b"=\""]);
        push_escaped(&mut self.out, value);
        self.out.extend_from_slice(b"\" ");
    }
}

/// The words behind `-A CHAIN`, which stand first.
fn behind_chain(words: &[Word]) -> &[Word] {
    words.get(2..).unwrap_or_default()
}

/// Whether the action of a rule may join those of the one before: the same words up to the target, at least one of them
/// a condition, and the action before lets packets go on.
fn may_join(before: &[Word], words: &[Word]) -> bool {
    if behind_chain(words).first().is_none_or(Word::names_target) {
        return false;
    }
    let same = before
        .iter()
        .zip(words)
        .position(|(old, new)| (old.names_target() && new.names_target()) || old.text != new.text);
    let Some(at) = same else { return false };
    let (Some(old), Some(new)) = (before.get(at), words.get(at)) else { return false };
    let name = before.get(at + 1).map(|word| word.text.as_slice());
    let jumps = matches!(old.text.as_slice(), b"-j" | b"--jump");
    let ends = !jumps || matches!(name, Some(b"ACCEPT" | b"DROP" | b"QUEUE" | b"RETURN"));
    old.names_target() && new.names_target() && !ends
}

/// Counters of a rule, as text.
struct RuleCounters<'a> {
    packets: &'a [u8],
    bytes: &'a [u8],
}

/// `P:B]` behind the `[` of a rule, and what follows.
fn rule_counters(text: &[u8]) -> Result<(RuleCounters<'_>, &[u8]), Fault> {
    let end = text.iter().position(|&byte| byte == b']').ok_or(Fault::Counters)?;
    let rest = text.get(end + 1..).unwrap_or_default();
    let (packets, behind) = token(text, b':').ok_or(Fault::Counters)?;
    let (bytes, _) = token(behind, b']').ok_or(Fault::Counters)?;
    Ok((RuleCounters { packets, bytes }, rest))
}

/// The text up to a delimiter, those in front left out, and what is behind it. Nothing: there is no text.
fn token(text: &[u8], delimiter: u8) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|&byte| byte != delimiter)?;
    let text = text.get(start..)?;
    let end = text.iter().position(|&byte| byte == delimiter).unwrap_or(text.len());
    Some((text.get(..end)?, text.get(end + 1..).unwrap_or_default()))
}

/// `[P:B]` as far as it can be read, as `sscanf` with `[%llu:%llu]` does.
fn scan_counters(text: &[u8]) -> (u64, u64) {
    let Some((packets, rest)) = text.strip_prefix(b"[").and_then(scan_number) else { return (0, 0) };
    let bytes = rest.strip_prefix(b":").and_then(scan_number);
    (packets, bytes.map_or(0, |(bytes, _)| bytes))
}

/// A decimal number with a sign, as `strtoull` reads it: too large is the largest, negative wraps.
fn scan_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let negative = text.first() == Some(&b'-');
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
    let number = digits
        .iter()
        .try_fold(0_u64, |sum, &digit| sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))));
    Some((number.map_or(u64::MAX, |number| if negative { number.wrapping_neg() } else { number }), rest))
}

/// The words of a `*` or `:` line: blanks, tabs and newlines part them, quotes are ordinary.
fn fields(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n')).filter(|field| !field.is_empty())
}

fn cut(name: &[u8]) -> &[u8] {
    name.get(..NAME_MAX).unwrap_or(name)
}

/// Pieces one behind the other.
pub(super) fn push_text(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Text in elements and attributes. Linux: bytes from 127 on are written as if each were a character.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            127.. => out.extend_from_slice(format!("&#{byte};").as_bytes()),
            _ => out.push(byte),
        }
    }
}
