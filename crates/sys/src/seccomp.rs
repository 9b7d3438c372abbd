//! `getsockopt(SO_ORIGINAL_DST)` of other processes, answered by us.
//!
//! A child installs a seccomp filter that stops `getsockopt(…, SOL_IP, SO_ORIGINAL_DST)` and its IPv6 twin and asks a
//! listener, which is us. This works for statically linked programs too and needs no root (F61, issue 2).
//!
//! Life of a question: [`Listener::receive`] takes it; [`Question::socket`] fetches a copy of the asking process's
//! socket, so that its addresses can be read; [`Question::answer`] writes into the process's memory and lets the call
//! return. All other system calls run as ever. Children of the child inherit the filter.
//!
//! Limits: only the native system call convention is looked at; a 32-bit program on a 64-bit kernel gets the kernel's
//! own answer. A process that is itself traced by a more privileged one may refuse us its memory: it gets EPERM.
use std::fs::OpenOptions;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage};

/// Linux: `SO_ORIGINAL_DST` and `IP6T_SO_ORIGINAL_DST`.
const ORIGINAL_DST: u32 = 80;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xc000_00f3;

/// One instruction of classic BPF.
const fn instruction(code: u32, jump_true: u8, jump_false: u8, operand: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: jump_true, jf: jump_false, k: operand }
}

/// Installs the filter in this thread and gives its listener. Called between fork and exec: makes only system calls.
///
/// # Errors
/// `EBUSY` if a filter with a listener is there already.
pub(crate) fn install() -> io::Result<OwnedFd> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    // Linux: struct seccomp_data: number 0, architecture 4, instruction pointer 8, arguments from 16, eight bytes each
    // (little endian on all three machines: the low half first).
    let filter = [
        instruction(LOAD, 0, 0, 4),
        instruction(EQUAL, 0, 8, ARCHITECTURE),
        instruction(LOAD, 0, 0, 0),
        instruction(EQUAL, 0, 6, libc::SYS_getsockopt as u32),
        instruction(LOAD, 0, 0, 16 + 2 * 8),
        instruction(EQUAL, 0, 4, ORIGINAL_DST),
        instruction(LOAD, 0, 0, 16 + 8),
        instruction(EQUAL, 1, 0, libc::SOL_IP as u32),
        instruction(EQUAL, 0, 1, libc::SOL_IPV6 as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    let call = || {
        // SAFETY: the program and its instructions live through the call; the kernel only reads them.
        unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            )
        }
    };
    let mut result = call();
    if result < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EACCES) {
        // Why: without CAP_SYS_ADMIN a filter is only taken from a process that gives up set-user-id programs.
        // SAFETY: prctl(PR_SET_NO_NEW_PRIVS) takes no pointers.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        result = call();
    }
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us. It is closed on exec.
    Ok(unsafe { OwnedFd::from_raw_fd(result as libc::c_int) })
}

/// A pair of sockets over which a child sends its listener.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?)
}

/// Sends a descriptor. Called between fork and exec: makes only system calls.
pub(crate) fn send(socket: BorrowedFd<'_>, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let data = [io::IoSlice::new(b"L")];
    rustix::net::sendmsg(socket, &data, &mut control, rustix::net::SendFlags::empty())?;
    Ok(())
}

/// Takes the listener that a child has sent; `None` if it sent none.
pub(crate) fn receive_listener(socket: BorrowedFd<'_>) -> io::Result<Option<Listener>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut data = [io::IoSliceMut::new(&mut byte)];
    match rustix::net::recvmsg(socket, &mut data, &mut control, rustix::net::RecvFlags::CMSG_CLOEXEC) {
        Ok(_) => {}
        Err(rustix::io::Errno::AGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptor.map(|descriptor| Listener { descriptor }))
}

/// Where the questions of a child and its children arrive.
#[derive(Debug)]
pub struct Listener {
    descriptor: OwnedFd,
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// What a process wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `SOL_IP`, `SO_ORIGINAL_DST`.
    V4,
    /// `SOL_IPV6`, `IP6T_SO_ORIGINAL_DST`.
    V6,
}

/// A question that waits for its answer.
#[derive(Debug)]
pub struct Question {
    id: u64,
    thread: u32,
    descriptor: i32,
    value: u64,
    length: u64,
    /// Which of the two options.
    pub asked: Asked,
}

/// A copy of the socket that a question is about.
#[derive(Debug)]
pub struct AskedSocket {
    /// Its own address.
    pub local: SocketAddr,
    /// The address of its peer.
    pub remote: SocketAddr,
    /// Its protocol (`IPPROTO_TCP` …).
    pub protocol: u8,
}

impl Listener {
    /// Takes the next question; `None` if the process that asked is gone. Call it when the descriptor is readable: it
    /// waits otherwise.
    ///
    /// # Errors
    /// `BrokenPipe` when no process is left that could ask: the descriptor is to be waited for no longer.
    pub fn receive(&self) -> io::Result<Option<Question>> {
        // SAFETY: `seccomp_notif` is a plain C structure for which all zeroes is a valid value; the kernel wants zeroes.
        let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request reads and writes one `seccomp_notif`, which `notification` is.
        let result = unsafe {
            libc::ioctl(self.descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification)
        };
        if result < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENOENT) if self.is_over() => Err(io::ErrorKind::BrokenPipe.into()),
                Some(libc::ENOENT | libc::EINTR | libc::EAGAIN) => Ok(None),
                _ => Err(error),
            };
        }
        let [descriptor, level, _, value, length, _] = notification.data.args;
        Ok(Some(Question {
            id: notification.id,
            thread: notification.pid,
            // Why: system calls take the low half of an argument that is an int.
            descriptor: descriptor as i32,
            value,
            length,
            asked: if level as i32 == libc::SOL_IP { Asked::V4 } else { Asked::V6 },
        }))
    }

    /// Whether the last process with the filter has ended.
    fn is_over(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut descriptors = [PollFd::new(&self.descriptor, PollFlags::IN)];
        poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
            && descriptors.iter().any(|one| one.revents().contains(PollFlags::HUP))
    }

    fn is_valid(&self, question: &Question) -> bool {
        // SAFETY: the request reads one u64.
        unsafe {
            libc::ioctl(
                self.descriptor.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_ID_VALID,
                &raw const question.id,
            ) == 0
        }
    }

    /// The socket that a question is about.
    ///
    /// # Errors
    /// The error that the asking process should get: `EBADF`, `ENOTSOCK`, `ENOTCONN` …
    pub fn socket(&self, question: &Question) -> io::Result<AskedSocket> {
        let group = thread_group(question.thread)?;
        let process = rustix::process::pidfd_open(group, rustix::process::PidfdFlags::empty())?;
        // Why: the number may by now be another process's; the question is still open only if it is not.
        if !self.is_valid(question) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        let flags = rustix::process::PidfdGetfdFlags::empty();
        let socket = rustix::process::pidfd_getfd(&process, question.descriptor, flags)?;
        let local = SocketAddr::try_from(rustix::net::getsockname(&socket)?)?;
        let remote = match rustix::net::getpeername(&socket) {
            Ok(Some(address)) => SocketAddr::try_from(address)?,
            // Linux: a socket without a peer has the unspecified one, and no entry will be found.
            Ok(None) | Err(rustix::io::Errno::NOTCONN) => unspecified(local),
            Err(error) => return Err(error.into()),
        };
        let protocol = rustix::net::sockopt::socket_protocol(&socket)?
            .map_or(0, |protocol| protocol.as_raw().get() as u8);
        Ok(AskedSocket { local, remote, protocol })
    }

    /// Answers with an address, as the kernel writes it (F61), or with an error number.
    ///
    /// # Errors
    /// If the process is gone, which is no fault.
    pub fn answer(&self, question: &Question, answer: Result<SocketAddr, i32>) -> io::Result<()> {
        let code = match answer.and_then(|address| self.write(question, address)) {
            Ok(()) => 0,
            Err(code) => code,
        };
        let mut response = libc::seccomp_notif_resp { id: question.id, val: 0, error: -code, flags: 0 };
        // SAFETY: the request reads one `seccomp_notif_resp`, which `response` is.
        let result = unsafe {
            libc::ioctl(self.descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response)
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Writes an address into the asking process's memory.
    fn write(&self, question: &Question, address: SocketAddr) -> Result<(), i32> {
        let bytes = socket_address(address);
        let path = format!("/proc/{}/mem", question.thread);
        let memory = OpenOptions::new().read(true).write(true).open(path).map_err(|_| libc::EPERM)?;
        if !self.is_valid(question) {
            return Err(libc::ESRCH);
        }
        let mut length = [0; 4];
        memory.read_exact_at(&mut length, question.length).map_err(|_| libc::EFAULT)?;
        let wanted = i32::from_ne_bytes(length);
        let actual = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        // Linux: `getorigdst` refuses a buffer that is too short, `ipv6_getorigdst` likewise.
        if wanted < actual {
            return Err(libc::EINVAL);
        }
        memory.write_all_at(&bytes, question.value).map_err(|_| libc::EFAULT)?;
        memory.write_all_at(&actual.to_ne_bytes(), question.length).map_err(|_| libc::EFAULT)
    }
}

fn unspecified(like: SocketAddr) -> SocketAddr {
    if like.is_ipv4() {
        (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    }
}

/// The process that a thread belongs to.
fn thread_group(thread: u32) -> io::Result<rustix::process::Pid> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok())
        .and_then(rustix::process::Pid::from_raw)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))
}

/// `sockaddr_in` (16 bytes) or `sockaddr_in6` (28 bytes) of an address.
pub fn socket_address(address: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(28);
    match address {
        SocketAddr::V4(address) => {
            bytes.extend_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            bytes.extend_from_slice(&address.port().to_be_bytes());
            bytes.extend_from_slice(&address.ip().octets());
            bytes.extend_from_slice(&[0; 8]);
        }
        SocketAddr::V6(address) => {
            bytes.extend_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            bytes.extend_from_slice(&address.port().to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&address.ip().octets());
            bytes.extend_from_slice(&address.scope_id().to_ne_bytes());
        }
    }
    bytes
}
