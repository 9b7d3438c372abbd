use super::{NamespaceError, NetworkNamespace, is_administrator, user_namespace_refused};
use rustix::io::Errno;

#[test]
fn each_refusal_names_its_setting() {
    for (error, setting) in [
        (NamespaceError::UnprivilegedClone, "kernel.unprivileged_userns_clone"),
        (NamespaceError::AppArmor, "kernel.apparmor_restrict_unprivileged_userns"),
        (NamespaceError::MaxUserNamespaces, "user.max_user_namespaces"),
        (NamespaceError::MaxNetNamespaces, "user.max_net_namespaces"),
        (NamespaceError::NotBuilt, "CONFIG_USER_NS"),
        (NamespaceError::Refused(libc::EPERM), "Operation not permitted"),
    ] {
        assert!(error.to_string().contains(setting), "{error}");
    }
    assert_eq!(user_namespace_refused(Errno::NOSPC), NamespaceError::MaxUserNamespaces);
    assert_eq!(user_namespace_refused(Errno::INVAL), NamespaceError::NotBuilt);
}

#[test]
fn a_thread_enters_and_comes_back() {
    std::thread::spawn(|| {
        if !is_administrator() {
            println!("skipped: network namespaces need CAP_SYS_ADMIN here");
            return;
        }
        let name = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
        let outside = NetworkNamespace::current().unwrap();
        let outside_name = name();
        let inside = NetworkNamespace::create().unwrap();
        let inside_name = name();
        assert_ne!(outside_name, inside_name);
        outside.enter().unwrap();
        assert_eq!(name(), outside_name);
        assert_eq!(inside.within(name).unwrap(), inside_name);
        assert_eq!(name(), outside_name);
    })
    .join()
    .unwrap();
}
