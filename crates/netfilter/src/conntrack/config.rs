//! The settings of connection tracking: the sysctls `net.netfilter.nf_conntrack_*` and `nf_conntrack_max`.
use std::time::Duration;

/// Settings. The default is the kernel's, but for accounting, which is on (the conntrack line is compared with its
/// counters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `nf_conntrack_max`: most connections, those included that are not yet confirmed.
    pub max: usize,
    /// `nf_conntrack_expect_max`: most expectations.
    pub expect_max: usize,
    /// `nf_conntrack_acct`: count packets and bytes of each direction.
    pub acct: bool,
    /// `nf_conntrack_timestamp`: remember when connections began, for those that begin from now on.
    pub timestamp: bool,
    /// `nf_conntrack_checksum`: a wrong transport checksum makes a packet INVALID in PREROUTING.
    pub checksum: bool,
    /// `nf_conntrack_tcp_loose`: pick up connections in their middle.
    pub tcp_loose: bool,
    /// `nf_conntrack_tcp_be_liberal`: nothing but RSTs is judged by its window.
    pub tcp_be_liberal: bool,
    /// `nf_conntrack_tcp_ignore_invalid_rst`: RSTs below the highest acknowledgement are not INVALID.
    pub tcp_ignore_invalid_rst: bool,
    /// `nf_conntrack_tcp_max_retrans`: this many repeats of a segment shorten the timeout.
    pub tcp_max_retrans: u8,
    /// Most events that wait for [`super::Conntrack::poll_event`]; the oldest is lost beyond. 0: none are made
    /// (`nf_conntrack_events=0`).
    pub most_events: usize,
    /// Timeouts of connections without a policy of their own.
    pub timeouts: Timeouts,
    /// Parameters of helpers' modules.
    pub helpers: Helpers,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max: 262_144,
            expect_max: 4096,
            acct: true,
            timestamp: false,
            checksum: true,
            tcp_loose: true,
            tcp_be_liberal: false,
            tcp_ignore_invalid_rst: false,
            tcp_max_retrans: 3,
            most_events: 0,
            timeouts: Timeouts::default(),
            helpers: Helpers::default(),
        }
    }
}

/// Parameters of the modules nf_conntrack_sip and nf_conntrack_h323, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Helpers {
    /// `sip_timeout`: how long a connection of SIP lives without a packet.
    pub sip_timeout: Duration,
    /// `sip_direct_signalling`: calls are expected from the registrar alone.
    pub sip_direct_signalling: bool,
    /// `sip_direct_media`: media are expected of the two that speak alone.
    pub sip_direct_media: bool,
    /// `sip_external_media`: without `sip_direct_media`, media of others are not expected if they are reached by the device
    /// that the message leaves by.
    pub sip_external_media: bool,
    /// `default_rrq_ttl`: how long a registration is valid that does not say so, in seconds.
    pub default_rrq_ttl: u32,
    /// `gkrouted_only`: calls are expected from the gatekeeper alone.
    pub gkrouted_only: bool,
    /// `callforward_filter`: a call that is forwarded to somebody who is reached in the same way is not expected.
    pub callforward_filter: bool,
}

impl Default for Helpers {
    fn default() -> Self {
        Self {
            sip_timeout: Duration::from_secs(3600),
            sip_direct_signalling: true,
            sip_direct_media: true,
            sip_external_media: false,
            default_rrq_ttl: 300,
            gkrouted_only: true,
            callforward_filter: true,
        }
    }
}

impl Helpers {
    /// Sets a parameter by its name, to what the file under `/sys/module` holds. `None`: it is no such value; `Some(false)`:
    /// there is no such parameter here.
    pub fn set(&mut self, name: &str, value: &str) -> Option<bool> {
        let value = value.trim();
        let flag = || match value {
            "Y" | "y" => Some(true),
            "N" | "n" => Some(false),
            number => number.parse::<i64>().ok().map(|number| number != 0),
        };
        match name {
            "sip_timeout" => self.sip_timeout = Duration::from_secs(value.parse::<u32>().ok()?.into()),
            "sip_direct_signalling" => self.sip_direct_signalling = flag()?,
            "sip_direct_media" => self.sip_direct_media = flag()?,
            "sip_external_media" => self.sip_external_media = flag()?,
            "default_rrq_ttl" => self.default_rrq_ttl = value.parse().ok()?,
            "gkrouted_only" => self.gkrouted_only = flag()?,
            "callforward_filter" => self.callforward_filter = flag()?,
            _ => return Some(false),
        }
        Some(true)
    }
}

/// How long a connection lives without a packet, by protocol and state; the sysctl's name without
/// `nf_conntrack_` and with `_timeout` taken out stands before each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `tcp_timeout_syn_sent`.
    pub tcp_syn_sent: Duration,
    /// Of a simultaneous opening; no sysctl.
    pub tcp_syn_sent2: Duration,
    /// `tcp_timeout_syn_recv`.
    pub tcp_syn_recv: Duration,
    /// `tcp_timeout_established`.
    pub tcp_established: Duration,
    /// `tcp_timeout_fin_wait`.
    pub tcp_fin_wait: Duration,
    /// `tcp_timeout_close_wait`.
    pub tcp_close_wait: Duration,
    /// `tcp_timeout_last_ack`.
    pub tcp_last_ack: Duration,
    /// `tcp_timeout_time_wait`.
    pub tcp_time_wait: Duration,
    /// `tcp_timeout_close`.
    pub tcp_close: Duration,
    /// `tcp_timeout_max_retrans`: after [`Config::tcp_max_retrans`] repeats.
    pub tcp_max_retrans: Duration,
    /// `tcp_timeout_unacknowledged`: while data is not acknowledged.
    pub tcp_unacknowledged: Duration,
    /// `udp_timeout`.
    pub udp: Duration,
    /// `udp_timeout_stream`.
    pub udp_stream: Duration,
    /// `icmp_timeout`.
    pub icmp: Duration,
    /// `icmpv6_timeout`.
    pub icmpv6: Duration,
    /// `generic_timeout`.
    pub generic: Duration,
    /// `gre_timeout`.
    pub gre: Duration,
    /// `gre_timeout_stream`.
    pub gre_stream: Duration,
    /// `sctp_timeout_closed`.
    pub sctp_closed: Duration,
    /// `sctp_timeout_cookie_wait`.
    pub sctp_cookie_wait: Duration,
    /// `sctp_timeout_cookie_echoed`.
    pub sctp_cookie_echoed: Duration,
    /// `sctp_timeout_established`.
    pub sctp_established: Duration,
    /// `sctp_timeout_shutdown_sent`.
    pub sctp_shutdown_sent: Duration,
    /// `sctp_timeout_shutdown_recd`.
    pub sctp_shutdown_recd: Duration,
    /// `sctp_timeout_shutdown_ack_sent`.
    pub sctp_shutdown_ack_sent: Duration,
    /// `sctp_timeout_heartbeat_sent`.
    pub sctp_heartbeat_sent: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            tcp_syn_sent: seconds(120),
            tcp_syn_sent2: seconds(120),
            tcp_syn_recv: seconds(60),
            tcp_established: seconds(432_000),
            tcp_fin_wait: seconds(120),
            tcp_close_wait: seconds(60),
            tcp_last_ack: seconds(30),
            tcp_time_wait: seconds(120),
            tcp_close: seconds(10),
            tcp_max_retrans: seconds(300),
            tcp_unacknowledged: seconds(300),
            udp: seconds(30),
            udp_stream: seconds(120),
            icmp: seconds(30),
            icmpv6: seconds(30),
            generic: seconds(600),
            gre: seconds(30),
            gre_stream: seconds(180),
            sctp_closed: seconds(10),
            sctp_cookie_wait: seconds(3),
            sctp_cookie_echoed: seconds(3),
            sctp_established: seconds(210),
            sctp_shutdown_sent: seconds(3),
            sctp_shutdown_recd: seconds(3),
            sctp_shutdown_ack_sent: seconds(3),
            sctp_heartbeat_sent: seconds(30),
        }
    }
}
