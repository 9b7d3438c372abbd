use std::net::{TcpListener, TcpStream, UdpSocket};

use super::{Owner, SocketDiagnosis, find_in_table, group_of};

#[test]
fn the_owner_of_a_connected_and_of_an_unconnected_socket_is_found() {
    let own = rustix::process::getuid().as_raw();
    let mut diagnosis = SocketDiagnosis::open().unwrap();
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(any) else {
            println!("skipped: no {any} here");
            continue;
        };
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let tcp = diagnosis.find(6, local, remote).unwrap().expect("the TCP socket");
        assert_eq!(tcp.uid, own);
        assert_eq!(group_of(tcp.inode), Some(rustix::process::getgid().as_raw()));
        let udp = UdpSocket::bind(any).unwrap();
        let found = diagnosis.find(17, udp.local_addr().unwrap(), remote).unwrap();
        assert_eq!(found.map(|owner| owner.uid), Some(own));
        let nobody = udp.local_addr().unwrap();
        drop(udp);
        assert_eq!(diagnosis.find(17, nobody, remote).unwrap(), None);
        assert_eq!(diagnosis.find(6, nobody, remote).unwrap(), None);
    }
}

#[test]
fn tables_of_proc_are_read_by_port() {
    let text = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref\n\
                    1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0\n\
                    2: 00000000:00FF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0\n";
    assert_eq!(find_in_table(text, 1), Some(Owner { uid: 1000, inode: 4711 }));
    assert_eq!(find_in_table(text, 255), Some(Owner { uid: 0, inode: 4712 }));
    assert_eq!(find_in_table(text, 2), None);
    assert_eq!(find_in_table("header\nnonsense\n: :\n", 1), None);
}
