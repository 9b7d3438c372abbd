//! What the kernel says without a process is what `iptables-save -c` prints.
use std::process::{Command, Stdio};

use crate::case;
use crate::outcome::{Counter, counters_of_save};
use crate::{Judged, Kernel};

const CASE: &str = "case counters
rules4
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [3:4]
:a - [0:0]
:b - [0:0]
[7:8] -A INPUT -p tcp -m tcp --dport 1:2 -j a
-A INPUT -j b
-A FORWARD -d 8.8.8.8/32 -m comment --comment x -j a
-A FORWARD -j ACCEPT
-A b -j RETURN
-A b -m statistic --mode nth --every 2 --packet 0 -j DROP
COMMIT
*mangle
-A POSTROUTING -j MARK --set-mark 1
COMMIT
end
rules6
*filter
:c - [0:0]
-A FORWARD -p udp -m multiport --dports 53 -j c
-A c -j LOG
COMMIT
end
inject lan0 udp 10.0.1.5:1000 > 8.8.8.8:53
inject lan0 udp 10.0.1.5:1000 > 10.0.1.1:53
inject lan0 udp [fd00:1::5]:1000 > [2001:db8:8::8]:53
";

#[test]
fn counters_are_those_that_are_saved() {
    if let Some(missing) = crate::kernel::missing() {
        crate::level::skip(&format!("the kernel cannot be asked here: {missing}"));
        return;
    }
    let case = &case::parse(CASE).unwrap()[0];
    let (asked, saved) = crate::command::on_own_thread(|| {
        let mut kernel = Kernel::new().unwrap();
        let outcome = kernel.run(case);
        assert_eq!(outcome.refused, None);
        let saved: Vec<Counter> = [(4, "iptables-legacy-save"), (6, "ip6tables-legacy-save")]
            .into_iter()
            .flat_map(|(family, command)| {
                let output = Command::new(command)
                    .arg("-c")
                    .env("XTABLES_LOCKFILE", &kernel.lock)
                    .stderr(Stdio::null())
                    .output()
                    .unwrap();
                counters_of_save(family, &String::from_utf8(output.stdout).unwrap())
            })
            .collect();
        (kernel.counters(), saved)
    })
    .unwrap();
    assert_eq!(asked, saved);
    assert!(asked.iter().filter(|counter| counter.packets > 0).count() > 6, "{asked:?}");
}
