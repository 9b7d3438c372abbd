//! What this machine has: interfaces, users, chains.
use packet::Family;
use rules::Table;
use rules::syntax::value;

use crate::target::Place;

/// More of a kind than this help nobody who looks for one.
const MOST: usize = 2000;

/// Words of a kind that the texts name (`:@KIND`).
pub(super) fn words(kind: &str) -> Vec<String> {
    match kind {
        "interfaces" => entries("/sys/class/net"),
        "users" => first_fields("/etc/passwd", ':'),
        "groups" => first_fields("/etc/group", ':'),
        "protocols" => value::protocol_names().map(str::to_owned).collect(),
        "services" => first_fields("/etc/services", '\t'),
        "hosts" => hosts(),
        "sets" => sets(),
        _ => Vec::new(),
    }
}

/// The chains of a table, built-in ones first.
pub(super) fn chains(family: Family, table: Table) -> (Vec<String>, Vec<String>) {
    let builtin: Vec<String> = table.hooks().iter().map(|(hook, _)| hook.name().to_owned()).collect();
    let mut users =
        Place::from_environment().map(|place| place.glance_at_chains(family, table)).unwrap_or_default();
    users.retain(|name| !builtin.contains(name));
    users.truncate(MOST);
    (builtin, users)
}

fn entries(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).take(MOST).collect();
    names.sort();
    names
}

fn first_fields(path: &str, end: char) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let field =
        |line: &str| line.split([end, ' ']).next().filter(|field| !field.is_empty()).map(str::to_owned);
    let mut fields: Vec<String> = lines.filter_map(field).take(MOST).collect();
    fields.sort();
    fields.dedup();
    fields
}

fn sets() -> Vec<String> {
    let mut names =
        Place::from_environment().ok().and_then(|place| place.set_heads()).map(|heads| heads.names());
    names.iter_mut().for_each(|names| names.truncate(MOST));
    names.unwrap_or_default()
}

fn hosts() -> Vec<String> {
    let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let names =
        text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split_whitespace().skip(1));
    let mut names: Vec<String> = names.map(str::to_owned).take(MOST).collect();
    names.sort();
    names.dedup();
    names
}
