use super::*;

#[test]
fn shown_when_it_takes_long_and_has_many_lines() {
    let start = Instant::now();
    let after = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut progress = Progress { program: "p".into(), total: Some(200_000), ..Progress::default() };
    let mut go = |lines: usize| {
        (0..lines).for_each(|_| progress.count(10, false));
        std::mem::take(&mut progress)
    };
    let mut progress = go(999);
    assert_eq!(progress.text(start, false), None);
    assert_eq!(progress.text(after(2000), false), None, "few lines");
    progress.count(10, false);
    assert_eq!(progress.text(after(2000), false).as_deref(), Some("p: 1,000 lines, 5 %"));
    assert_eq!(progress.text(after(2100), false), None, "just shown");
    let committing = progress.text(after(2101), true);
    assert_eq!(committing.as_deref(), Some("p: 1,000 lines, 5 %, putting them in force"));

    let mut quick = Progress { lines: 5_000_000, ..Progress::default() };
    assert_eq!(quick.text(start, false), None);
    assert_eq!(quick.text(after(999), true), None, "soon done");
    assert_eq!(quick.text(after(1000), false).as_deref(), Some(": 5,000,000 lines"), "no length is known");
}

#[test]
fn numbers_in_groups() {
    assert_eq!(
        ["0", "999", "1,000", "12,345,678"],
        [0, 999, 1000, 12_345_678].map(grouped).each_ref().map(String::as_str)
    );
}
