//! What is due, and when: one heap of deadlines in virtual time.
//! It does not act on what falls due, and it forgets nothing: a deadline that no longer matters falls due and is ignored.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

struct Entry<T> {
    time_ns: u64,
    order: u64,
    due: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    /// Reversed, since the standard heap gives its greatest first and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time_ns, other.order).cmp(&(self.time_ns, self.order))
    }
}

/// Deadlines in order of time; those of one instant in the order in which they were set.
pub(crate) struct Queue<T> {
    heap: BinaryHeap<Entry<T>>,
    order: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), order: 0 }
    }
}

impl<T> Queue<T> {
    /// Sets a deadline, in virtual nanoseconds since the run's start.
    #[inline]
    pub(crate) fn at(&mut self, time_ns: u64, due: T) {
        self.order += 1;
        self.heap.push(Entry { time_ns, order: self.order, due });
    }

    /// When the next one falls due.
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.time_ns)
    }

    /// Takes the next one.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<(u64, T)> {
        self.heap.pop().map(|entry| (entry.time_ns, entry.due))
    }

    /// Whether none is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_equals_come_in_order() {
        let mut queue = Queue::default();
        for (time, name) in [(5, "e"), (1, "a"), (5, "f"), (3, "c"), (1, "b")] {
            queue.at(time, name);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.take()).map(|(_, name)| name).collect();
        assert_eq!(order, ["a", "b", "c", "e", "f"]);
        assert!(queue.is_empty());
    }
}
