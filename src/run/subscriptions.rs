//! The subscribers to each kind of event, so that an event costs only as much as its subscribers do.
//! It knows invariants by number, and events by kind.

use afterlife_sim::event::What;
use std::cell::Cell;

/// The bit of the observer, which subscribes alongside the numbered invariants.
const OBSERVER: u64 = 1 << 62;
/// The bit that marks a kind whose subscribers are known.
const ASKED: u64 = 1 << 63;

/// The subscribers to each kind of event, asked at the first event of the kind.
pub(crate) struct Subscriptions {
    of: Box<[Cell<u64>; What::KINDS]>,
}

/// The subscribers to one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscribers(u64);

impl Subscriptions {
    /// No subscriber has been asked yet.
    pub(crate) fn new() -> Self {
        Self { of: Box::new([const { Cell::new(0) }; What::KINDS]) }
    }

    /// The subscribers to events of this kind. `wants` answers for each of the first `count` numbers and `observer_wants` for the
    /// observer, once for each kind: their answers must depend on the kind alone.
    #[inline]
    pub(crate) fn of(
        &self,
        what: &What,
        count: usize,
        wants: impl Fn(usize) -> bool,
        observer_wants: impl FnOnce() -> bool,
    ) -> Subscribers {
        let known = &self.of[what.kind()];
        if known.get() & ASKED == 0 {
            assert!(
                count <= OBSERVER.trailing_zeros() as usize,
                "{count} invariants: there are bits for {}",
                OBSERVER.trailing_zeros()
            );
            let some = (0..count).filter(|number| wants(*number)).fold(0, |some: u64, number| some | 1 << number);
            known.set(ASKED | some | if observer_wants() { OBSERVER } else { 0 });
        }
        Subscribers(known.get() & !ASKED)
    }
}

impl Subscribers {
    /// Returns whether there is no subscriber.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers of the subscribed invariants, in order.
    #[inline]
    pub(crate) fn numbers(self) -> impl Iterator<Item = usize> {
        let mut left = self.0 & !OBSERVER;
        std::iter::from_fn(move || {
            let next = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (next < u32::BITS).then_some(next as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_are_asked_once_per_kind_and_come_in_order() {
        let subscriptions = Subscriptions::new();
        let asked = Cell::new(0);
        let of = |what| {
            let wants = |number: usize| {
                asked.set(asked.get() + 1);
                number != 1
            };
            subscriptions.of(&what, 3, wants, || true)
        };
        assert_eq!(of(What::Spun { calls: 1 }).numbers().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(of(What::Spun { calls: 2 }).numbers().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn the_observer_alone_has_no_number() {
        let subscriptions = Subscriptions::new();
        let subscribers = subscriptions.of(&What::Started, 5, |_| false, || true);
        assert_eq!((subscribers.is_empty(), subscribers.numbers().count()), (false, 0));
        assert!(subscriptions.of(&What::ThreadEnded, 5, |_| false, || false).is_empty());
    }
}
