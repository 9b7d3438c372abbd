//! Small pieces of iptables' output: quoting, numbers, addresses, inversion.
use std::fmt::Write;
use std::net::IpAddr;

use packet::AddrMask;

/// Appends formatted text to a `String`, which cannot fail.
#[macro_export]
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use ::std::fmt::Write as _;
        let _ = write!($out, $($arg)*);
    }};
}

/// Text as `-S` prints it: bare when it has only letters, digits, `_` and `-`; else in double quotes with a backslash
/// before `"`, `\` and `'`. A blank stands in front.
pub fn push_quoted(out: &mut String, text: &str) {
    out.push(' ');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.is_empty() && text.bytes().all(plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// A name as a word of a restore file: bare as iptables prints it, in quotes only where it could not be read again.
pub fn push_word(out: &mut String, text: &str) {
    if text.is_empty() || text.contains(['"', ' ', '\t', '\n']) {
        out.push('"');
        out.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

/// ` !` where a condition is inverted: what stands before an option in `-S`.
pub fn push_not(out: &mut String, invert: bool) {
    if invert {
        out.push_str(" !");
    }
}

/// An address and its mask as `-S` prints them: always with a mask, `/n` when it is contiguous.
pub fn push_network(out: &mut String, network: &AddrMask) {
    push_address(out, network.address());
    match network.prefix_length() {
        Some(length) => {
            out.push('/');
            push_number(out, u64::from(length));
        }
        None => {
            let _ = write!(out, "/{}", network.mask());
        }
    }
}

/// An address in its usual form.
pub fn push_address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (at, octet) in v4.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push('.');
                }
                push_number(out, u64::from(octet));
            }
        }
        IpAddr::V6(v6) => push_v6(out, v6),
    }
}

/// An IPv6 address as glibc's `inet_ntop` prints it.
fn push_v6(out: &mut String, address: std::net::Ipv6Addr) {
    // Linux: inet_ntop writes ::a.b.c.d for addresses in ::/96 with at least two significant groups, as Rust does not.
    let groups = address.segments();
    if let [0, 0, 0, 0, 0, 0, high, low] = groups
        && high != 0
    {
        let _ = write!(out, "::{}.{}.{}.{}", high >> 8, high & 255, low >> 8, low & 255);
        return;
    }
    let _ = write!(out, "{address}");
}

/// A decimal number, without the machinery of formatting.
pub fn push_number(out: &mut String, number: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    for &digit in digits.iter().skip(20 - length) {
        out.push(char::from(digit));
    }
}

#[cfg(test)]
mod tests;
