//! Options of sockets that `getsockopt` shows as they were set: their defaults, and the values that Linux accepts.
//! Most change nothing else here: they are about speed, or about hosts that do not exist in a simulation.

use crate::kernel::Errno;

/// The options that a program has set, which are few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options(Vec<(Name, i32)>);

/// A level and an option of it.
pub(crate) type Name = (i32, i32);

/// The values of an option.
#[derive(Clone, Copy)]
enum Values {
    /// 0, or 1 for any other number.
    Flag,
    /// These, and no others.
    Range(i32, i32),
    /// These, or -1 for the default.
    RangeOrDefault(i32, i32),
    /// A number of bytes, of which the system takes twice as many, and at least these.
    Buffer(i32),
    /// Any number.
    Any,
}

/// The default and the values of an option that is stored; `None` for any other.
fn rule(name: Name, datagrams: bool) -> Option<(i32, Values)> {
    use Values::*;
    Some(match name {
        (
            libc::SOL_SOCKET,
            libc::SO_REUSEADDR | libc::SO_REUSEPORT | libc::SO_BROADCAST | libc::SO_OOBINLINE | libc::SO_DONTROUTE,
        ) => (0, Flag),
        (libc::SOL_SOCKET, libc::SO_PRIORITY) => (0, Any),
        (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => (1, Range(1, i32::MAX)),
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => (208 << 10, Buffer(4_608)),
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => (208 << 10, Buffer(2_304)),
        (libc::IPPROTO_TCP, _) if datagrams => return None,
        (libc::IPPROTO_TCP, libc::TCP_NODELAY | libc::TCP_CORK) => (0, Flag),
        (libc::IPPROTO_TCP, libc::TCP_QUICKACK) => (1, Flag),
        (libc::IPPROTO_TCP, libc::TCP_SYNCNT) => (6, Range(1, 127)),
        (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT) => (0, Any),
        (libc::IPPROTO_IP, libc::IP_TTL) => (64, RangeOrDefault(1, 255)),
        (libc::IPPROTO_IP, libc::IP_TOS) => (0, Any),
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL) => (1, RangeOrDefault(0, 255)),
        (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP) => (1, Flag),
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) => (0, Flag),
        _ => return None,
    })
}

impl Options {
    /// Sets an option. Returns `false` if it is not stored.
    ///
    /// # Errors
    /// `EINVAL` for a value that Linux refuses.
    pub(crate) fn set(&mut self, name: Name, value: i32, datagrams: bool) -> Result<bool, Errno> {
        let Some((default, values)) = rule(name, datagrams) else { return Ok(false) };
        let stored = match values {
            Values::Flag => i32::from(value != 0),
            Values::Any => value,
            Values::Buffer(least) => value.saturating_mul(2).max(least),
            Values::RangeOrDefault(..) if value == -1 => default,
            Values::Range(least, most) | Values::RangeOrDefault(least, most) if (least..=most).contains(&value) => {
                value
            }
            Values::Range(..) | Values::RangeOrDefault(..) => return Err(libc::EINVAL),
        };
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = stored,
            None => self.0.push((name, stored)),
        }
        Ok(true)
    }

    /// The value of an option; `None` if it is not stored.
    pub(crate) fn get(&self, name: Name, datagrams: bool) -> Option<i32> {
        let set = self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        set.or_else(|| rule(name, datagrams).map(|(default, _)| default))
    }

    /// Returns whether a flag is set.
    pub(crate) fn has(&self, name: Name) -> bool {
        self.0.iter().any(|(known, value)| *known == name && *value != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_as_linux_keeps_them() {
        let mut options = Options::default();
        let ttl = (libc::IPPROTO_IP, libc::IP_TTL);
        assert_eq!((options.get(ttl, false), options.set(ttl, 256, false)), (Some(64), Err(libc::EINVAL)));
        assert_eq!((options.set(ttl, 33, false), options.get(ttl, false)), (Ok(true), Some(33)));
        assert_eq!((options.set(ttl, -1, false), options.get(ttl, false)), (Ok(true), Some(64)));
        let buffer = (libc::SOL_SOCKET, libc::SO_SNDBUF);
        assert_eq!((options.set(buffer, 1, false), options.get(buffer, false)), (Ok(true), Some(4_608)));
        let delay = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
        assert_eq!(
            (options.set(delay, 7, false), options.get(delay, false), options.has(delay)),
            (Ok(true), Some(1), true)
        );
        assert_eq!((options.set(delay, 7, true), options.get((libc::IPPROTO_TCP, 99), false)), (Ok(false), None));
    }
}
