use super::Writer;

/// What a file is written as, up to the line that fails.
fn xml(text: &str, combine: bool) -> String {
    let mut writer = Writer::new(combine, false);
    for (at, line) in text.as_bytes().split_inclusive(|&byte| byte == b'\n').enumerate() {
        writer.line(line, at + 1).unwrap();
    }
    writer.end().unwrap();
    String::from_utf8(writer.out).unwrap()
}

/// `fixtures/xml/NAME.rules` with what iptables-xml 1.8.9 made of it, plain and with `-c`.
#[test]
fn fixtures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/xml");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "rules") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (ending, combine) in [("xml", false), ("combined.xml", true)] {
            let wanted = std::fs::read_to_string(path.with_extension(ending)).unwrap();
            assert_eq!(xml(&text, combine), wanted, "{}", path.display());
        }
        count += 1;
    }
    assert!(count >= 3);
}
