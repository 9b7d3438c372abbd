//! Making a case small while the difference stays.
use crate::case::Case;

/// Tries to leave out steps, then rules (from the end), then whole tables' policies, as long as `differs` says that
/// the case still shows a difference. At most `most` tries.
pub fn shrink(case: &Case, most: usize, mut differs: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    let mut tries = 0;
    loop {
        let before = tries;
        let mut better = false;
        for at in (0..best.steps.len()).rev() {
            let mut smaller = best.clone();
            smaller.steps.remove(at);
            tries += 1;
            if tries <= most && differs(&smaller) {
                best = smaller;
                better = true;
            }
        }
        for v6 in [false, true] {
            let mut at = rules(&best, v6).map_or(0, |text| text.lines().count());
            // Halves of the file first, then lines: most rules have nothing to do with it.
            let mut size = at.next_power_of_two() / 2;
            while size > 0 {
                while at > 0 {
                    at = at.saturating_sub(size);
                    if let Some(smaller) = without(&best, v6, at, size) {
                        tries += 1;
                        if tries <= most && differs(&smaller) {
                            best = smaller;
                            better = true;
                        }
                    }
                }
                at = rules(&best, v6).map_or(0, |text| text.lines().count());
                size /= 2;
            }
        }
        for at in (0..best.sets.as_deref().map_or(0, |text| text.lines().count())).rev() {
            let Some(smaller) = without_member(&best, at) else { continue };
            tries += 1;
            if tries <= most && differs(&smaller) {
                best = smaller;
                better = true;
            }
        }
        if !better || tries >= most || tries == before {
            return best;
        }
    }
}

/// The case without a line that adds to a set; `None`: the line does something else.
fn without_member(case: &Case, at: usize) -> Option<Case> {
    let text = case.sets.as_deref()?;
    text.lines().nth(at).filter(|line| line.contains("add "))?;
    let kept =
        text.lines().enumerate().filter(|(number, _)| *number != at).flat_map(|(_, line)| [line, "\n"]);
    Some(Case { sets: Some(kept.collect()), ..case.clone() })
}

/// The rules of iptables-nft of a family; where there are none, the legacy ones.
fn rules(case: &Case, v6: bool) -> Option<&String> {
    let legacy = if v6 { &case.rules6 } else { &case.rules4 };
    case.nft[usize::from(v6)].as_ref().or(legacy.as_ref())
}

/// The case without the rules (`-A` lines) and user chains among `size` lines from `at`.
fn without(case: &Case, v6: bool, at: usize, size: usize) -> Option<Case> {
    let text = rules(case, v6)?;
    let removable = |line: &str| line.starts_with("-A ") || (line.starts_with(':') && line.contains(" - "));
    let mut removed = false;
    let kept: String = text
        .lines()
        .enumerate()
        .filter(|(number, line)| {
            let gone = (at..at + size).contains(number) && removable(line);
            removed |= gone;
            !gone
        })
        .flat_map(|(_, line)| [line, "\n"])
        .collect();
    if !removed {
        return None;
    }
    let mut smaller = case.clone();
    let legacy = if v6 { &mut smaller.rules6 } else { &mut smaller.rules4 };
    let nft = &mut smaller.nft[usize::from(v6)];
    *(if nft.is_some() { nft } else { legacy }) = Some(kept);
    Some(smaller)
}
