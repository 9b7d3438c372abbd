use super::is_modelled;

/// The language takes no other names; should it learn one, its connections are undecided until its helper is written.
#[test]
fn other_names_are_not_modelled() {
    for name in ["ftp", "netbios-ns", "Q.931", "snmp_trap"] {
        assert!(is_modelled(name), "{name}");
    }
    for name in ["rtsp", "FTP", "tft", "H.245", ""] {
        assert!(!is_modelled(name), "{name}");
    }
}
