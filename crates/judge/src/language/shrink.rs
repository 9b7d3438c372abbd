//! Making a difference small: lines before it are left out, then words of it.
/// Leaves out elements of a list as long as `differs` says that the rest still shows the difference; at most `most`
/// questions are asked.
pub fn shrink<T: Clone>(all: &[T], most: &mut usize, mut differs: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut best = all.to_vec();
    let mut size = best.len();
    while size > 0 {
        let mut at = 0;
        let mut better = false;
        while at < best.len() && *most > 0 {
            let smaller: Vec<T> = best
                .iter()
                .enumerate()
                .filter(|&(own, _)| own < at || own >= at + size)
                .map(|(_, one)| one.clone())
                .collect();
            *most -= 1;
            if differs(&smaller) {
                best = smaller;
                better = true;
            } else {
                at += size;
            }
        }
        if *most == 0 {
            break;
        }
        if !(better && size == 1) {
            size /= 2;
        }
    }
    best
}
