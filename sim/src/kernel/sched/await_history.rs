//! The awaits of one task, as far as a recorded run notes them: the latest call sites at which its waker was registered.
//! It does not know which of them are still pending.

use crate::kernel::sched::call_site::CallSite;

/// The number of call sites that are kept.
const KEPT: usize = 4;

/// Distinct call sites with the time of the last registration there, the most telling first.
#[derive(Clone, Copy)]
pub(crate) struct AwaitHistory {
    latest: [(CallSite, u64); KEPT],
}

impl AwaitHistory {
    pub(super) const EMPTY: Self = Self { latest: [(CallSite(0), 0); KEPT] };

    /// Adds a registration, the first one in its poll or a later one, which goes behind the first: of a timeout, what it bounds comes
    /// first and its own timer second.
    pub(super) fn add(&mut self, site: CallSite, now_ns: u64, is_first: bool) {
        let known = self.latest.iter().position(|(known, _)| *known == site);
        let (from, to) = (known.unwrap_or(KEPT - 1), usize::from(!is_first));
        // The first one of this poll stays where it is.
        if from >= to {
            self.latest[to..=from].rotate_right(1);
            self.latest[to] = (site, now_ns);
        }
    }

    /// The first registration of the last poll with one; none if there was none.
    pub(crate) fn last(&self) -> CallSite {
        self.latest[0].0
    }

    /// The others, latest first.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = (CallSite, u64)> {
        self.latest.into_iter().skip(1).filter(|(site, _)| *site != CallSite(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_registration_of_the_last_poll_leads() {
        let mut history = AwaitHistory::EMPTY;
        assert_eq!((history.last(), history.earlier().count()), (CallSite(0), 0));
        let [handler, socket, timer] = [1, 2, 3].map(CallSite);
        history.add(socket, 10, true);
        history.add(handler, 20, true);
        history.add(socket, 20, false);
        history.add(timer, 20, false);
        assert_eq!(history.last(), handler);
        assert_eq!(history.earlier().collect::<Vec<_>>(), [(timer, 20), (socket, 20)]);
        history.add(socket, 30, true);
        assert_eq!(history.last(), socket);
        assert_eq!(history.earlier().collect::<Vec<_>>(), [(handler, 20), (timer, 20)]);
        history.add(socket, 30, false);
        assert_eq!(history.last(), socket);
    }
}
