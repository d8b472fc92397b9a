//! Who looks at which kind of event, so that an event costs what those cost that look at it.
//! It knows neither invariants nor events but by their kinds.

use afterlife_sim::event::What;
use std::cell::Cell;

/// Whether anybody looks, besides the numbered ones: the watch itself.
const OBSERVER: u32 = 1 << 30;
/// This kind has been asked for.
const ASKED: u32 = 1 << 31;

/// Who looks at each kind of event: asked at its first event, and kept.
pub(crate) struct Subscriptions {
    of: Box<[Cell<u32>; What::KINDS]>,
}

/// Who looks at one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subscribers(u32);

impl Subscriptions {
    /// Nobody has been asked yet.
    pub(crate) fn new() -> Self {
        Self { of: Box::new([const { Cell::new(0) }; What::KINDS]) }
    }

    /// Who looks at events of this kind. `looks` is asked for each of the first `count` numbers, `watch` for the watch, and only
    /// once a kind: their answers must not depend on more.
    #[inline]
    pub(crate) fn of(
        &self,
        what: &What,
        count: usize,
        looks: impl Fn(usize) -> bool,
        watch: impl FnOnce() -> bool,
    ) -> Subscribers {
        let kept = &self.of[what.kind()];
        if kept.get() & ASKED == 0 {
            assert!(count <= OBSERVER.trailing_zeros() as usize, "{count} are more than there are numbers for");
            let some = (0..count).filter(|number| looks(*number)).fold(0, |some, number| some | 1 << number);
            kept.set(ASKED | some | if watch() { OBSERVER } else { 0 });
        }
        Subscribers(kept.get() & !ASKED)
    }
}

impl Subscribers {
    /// Whether nobody does.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers of those that do, in order.
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
    fn a_kind_is_asked_for_once_and_subscribers_come_in_order() {
        let subscriptions = Subscriptions::new();
        let asked = Cell::new(0);
        let of = |what| {
            let looks = |number: usize| {
                asked.set(asked.get() + 1);
                number != 1
            };
            subscriptions.of(&what, 3, looks, || true)
        };
        assert_eq!(of(What::Spun { calls: 1 }).numbers().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(of(What::Spun { calls: 2 }).numbers().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn who_is_alone_with_the_watch_is_nobodys_number() {
        let subscriptions = Subscriptions::new();
        let subscribers = subscriptions.of(&What::Started, 5, |_| false, || true);
        assert_eq!((subscribers.is_empty(), subscribers.numbers().count()), (false, 0));
        assert!(subscriptions.of(&What::ThreadEnded, 5, |_| false, || false).is_empty());
    }
}
