//! Settings under /proc/sys of the namespaces of this thread.
//!
//! `net/…` is that of the network namespace of the thread that opens the file. The owner of a network namespace may
//! write there also without being root outside (Linux: `net_ctl_permissions`), with exceptions: `nf_conntrack_max`,
//! `nf_conntrack_buckets`, `nf_conntrack_expect_max` and everything global are read-only or absent inside.
use std::fs;
use std::io;

fn path(key: &str) -> String {
    // Why: `net.ipv4.conf.eth0.rp_filter` as people type it; a device name with a dot is written with `/` as in
    // sysctl(8), which then separates the parts.
    if key.contains('/') {
        format!("/proc/sys/{key}")
    } else {
        format!("/proc/sys/{}", key.replace('.', "/"))
    }
}

/// Writes a setting (`net.ipv4.ip_forward`, or with `/` in the place of the dots).
pub fn write(key: &str, value: &str) -> io::Result<()> {
    fs::write(path(key), value)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot set {key}={value}: {error}")))
}

/// Reads a setting, without the newline.
pub fn read(key: &str) -> io::Result<String> {
    fs::read_to_string(path(key)).map(|text| text.trim_end().to_owned())
}
