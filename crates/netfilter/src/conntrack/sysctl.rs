//! The sysctls `net.netfilter.nf_conntrack_*` by their names.
use std::time::Duration;

use super::{Config, Timeouts};

impl Config {
    /// Sets a setting by its name behind `nf_conntrack_`; times are in seconds. `false`: there is no such setting here.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        let count = usize::try_from(value).unwrap_or(usize::MAX);
        match name {
            "max" => self.max = count,
            "expect_max" => self.expect_max = count,
            "acct" => self.acct = value != 0,
            "timestamp" => self.timestamp = value != 0,
            "checksum" => self.checksum = value != 0,
            "tcp_loose" => self.tcp_loose = value != 0,
            "tcp_be_liberal" => self.tcp_be_liberal = value != 0,
            "tcp_ignore_invalid_rst" => self.tcp_ignore_invalid_rst = value != 0,
            "tcp_max_retrans" => self.tcp_max_retrans = u8::try_from(value).unwrap_or(u8::MAX),
            _ => match self.timeouts.named(name) {
                Some(timeout) => *timeout = Duration::from_secs(value),
                None => return false,
            },
        }
        true
    }
}

impl Timeouts {
    /// A timeout by its sysctl's name behind `nf_conntrack_`.
    pub(crate) fn named(&mut self, name: &str) -> Option<&mut Duration> {
        Some(match name {
            "tcp_timeout_syn_sent" => &mut self.tcp_syn_sent,
            "tcp_timeout_syn_recv" => &mut self.tcp_syn_recv,
            "tcp_timeout_established" => &mut self.tcp_established,
            "tcp_timeout_fin_wait" => &mut self.tcp_fin_wait,
            "tcp_timeout_close_wait" => &mut self.tcp_close_wait,
            "tcp_timeout_last_ack" => &mut self.tcp_last_ack,
            "tcp_timeout_time_wait" => &mut self.tcp_time_wait,
            "tcp_timeout_close" => &mut self.tcp_close,
            "tcp_timeout_max_retrans" => &mut self.tcp_max_retrans,
            "tcp_timeout_unacknowledged" => &mut self.tcp_unacknowledged,
            "udp_timeout" => &mut self.udp,
            "udp_timeout_stream" => &mut self.udp_stream,
            "icmp_timeout" => &mut self.icmp,
            "icmpv6_timeout" => &mut self.icmpv6,
            "generic_timeout" => &mut self.generic,
            "gre_timeout" => &mut self.gre,
            "gre_timeout_stream" => &mut self.gre_stream,
            "sctp_timeout_closed" => &mut self.sctp_closed,
            "sctp_timeout_cookie_wait" => &mut self.sctp_cookie_wait,
            "sctp_timeout_cookie_echoed" => &mut self.sctp_cookie_echoed,
            "sctp_timeout_established" => &mut self.sctp_established,
            "sctp_timeout_shutdown_sent" => &mut self.sctp_shutdown_sent,
            "sctp_timeout_shutdown_recd" => &mut self.sctp_shutdown_recd,
            "sctp_timeout_shutdown_ack_sent" => &mut self.sctp_shutdown_ack_sent,
            "sctp_timeout_heartbeat_sent" => &mut self.sctp_heartbeat_sent,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_by_their_names() {
        let mut config = Config::default();
        assert!(config.set("udp_timeout", 7) && config.set("tcp_loose", 0) && config.set("max", 9));
        assert_eq!((config.timeouts.udp, config.tcp_loose, config.max), (Duration::from_secs(7), false, 9));
        assert!(!config.set("buckets", 9) && !config.set("tcp_timeout", 9));
    }
}
