//! The queue of deadlines: one heap in virtual time.
//! It does not act on what falls due, and removes nothing early: an outdated deadline falls due and is ignored.

/// The number of children of a heap entry: four of these keys fill a cache line.
const CHILDREN: usize = 4;

/// The bits of a key that hold its slot: they bound the number of pending deadlines.
const SLOT_BITS: u32 = 24;

/// A deadline's time, then the order in which it was set, then its slot; comparing two compares their times first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(time_ns: u64, order: u64, slot: u32) -> Self {
        Self(u128::from(time_ns) << 64 | u128::from(order << SLOT_BITS | u64::from(slot)))
    }

    fn time_ns(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn slot(self) -> usize {
        self.0 as usize & ((1 << SLOT_BITS) - 1)
    }
}

/// Deadlines in order of time; those of one instant in the order in which they were set.
pub(crate) struct Queue<T> {
    /// A heap of small keys: the deadlines themselves stay in their slots while the keys move.
    heap: Vec<Key>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    order: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: Vec::new(), slots: Vec::new(), free: Vec::new(), order: 0 }
    }
}

impl<T> Queue<T> {
    /// Sets a deadline, in virtual nanoseconds since the run's start.
    pub(crate) fn at(&mut self, time_ns: u64, due: T) {
        self.order += 1;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                assert!(self.slots.len() < 1 << SLOT_BITS, "more deadlines than a simulation can hold");
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
        };
        self.slots[slot as usize] = Some(due);
        let key = Key::new(time_ns, self.order, slot);
        let mut index = self.heap.len();
        self.heap.push(key);
        while index > 0 {
            let parent = (index - 1) / CHILDREN;
            if self.heap[parent] < key {
                break;
            }
            self.heap[index] = self.heap[parent];
            index = parent;
        }
        self.heap[index] = key;
    }

    /// The time of the next one.
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.heap.first().map(|key| key.time_ns())
    }

    /// The next one.
    #[inline]
    pub(crate) fn peek(&self) -> Option<&T> {
        self.slots[self.heap.first()?.slot()].as_ref()
    }

    /// Takes the next one: its time, and what falls due.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<(u64, T)> {
        let first = *self.heap.first()?;
        if let Some(last) = self.heap.pop()
            && !self.heap.is_empty()
        {
            self.sink(last);
        }
        self.free.push(first.slot() as u32);
        let due = self.slots[first.slot()].take()?;
        Some((first.time_ns(), due))
    }

    /// Puts a key into the heap, whose root is empty.
    fn sink(&mut self, key: Key) {
        let heap = &mut self.heap[..];
        let mut index = 0;
        loop {
            let first = index * CHILDREN + 1;
            let Some(children) = heap.get(first..heap.len().min(first + CHILDREN)) else { break };
            let mut least = key;
            let mut smallest = index;
            for (nth, child) in children.iter().enumerate() {
                if *child < least {
                    least = *child;
                    smallest = first + nth;
                }
            }
            if smallest == index {
                break;
            }
            heap[index] = least;
            index = smallest;
        }
        heap[index] = key;
    }

    /// Returns whether none is set.
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

    #[test]
    fn many_come_out_as_a_sorted_list_would_have_them() {
        let mut queue = Queue::default();
        let mut wanted = Vec::new();
        let mut draw = 1u64;
        for round in 0..5_000u64 {
            draw = crate::kernel::sched::choice::mix(draw);
            if draw.is_multiple_of(3) {
                wanted.sort();
                let first = if wanted.is_empty() { None } else { Some(wanted.remove(0)) };
                assert_eq!(queue.take(), first);
                assert_eq!(queue.next_ns(), wanted.first().map(|(time, _)| *time));
            } else {
                queue.at(draw % 50, round);
                wanted.push((draw % 50, round));
            }
        }
        wanted.sort();
        assert_eq!(std::iter::from_fn(|| queue.take()).collect::<Vec<_>>(), wanted);
        assert!(queue.is_empty());
    }
}
