//! A set of page numbers held as ranges: pages that `fallocate` reserved and that were not written yet.
//! It holds no data: a reserved page reads as zero.

use std::collections::BTreeMap;

/// Disjoint ranges `start..end` that never touch each other.
#[derive(Clone, Default)]
pub(crate) struct Extents {
    ranges: BTreeMap<u64, u64>,
    pages: u64,
}

impl Extents {
    /// The number of pages in the set.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    pub(crate) fn contains(&self, page: u64) -> bool {
        self.ranges.range(..=page).next_back().is_some_and(|(_, &end)| page < end)
    }

    /// The number of pages of `start..end` in the set.
    pub(crate) fn pages_within(&self, start: u64, end: u64) -> u64 {
        let before = self.ranges.range(..start).next_back().map(|(&s, &e)| (s, e));
        let inside = self.ranges.range(start..end.max(start)).map(|(&s, &e)| (s, e));
        before.into_iter().chain(inside).map(|(s, e)| e.min(end).saturating_sub(s.max(start))).sum()
    }

    /// Adds `start..end`, of which parts may be there already.
    pub(crate) fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        self.remove(start, end);
        self.pages += end - start;
        let (mut start, mut end) = (start, end);
        if let Some((&s, &e)) = self.ranges.range(..start).next_back()
            && e == start
        {
            self.ranges.remove(&s);
            start = s;
        }
        if let Some(e) = self.ranges.remove(&end) {
            end = e;
        }
        self.ranges.insert(start, end);
    }

    /// Removes the parts of `start..end` that are there.
    pub(crate) fn remove(&mut self, start: u64, end: u64) {
        if start >= end || self.ranges.is_empty() {
            return;
        }
        if let Some((&s, &e)) = self.ranges.range(..start).next_back()
            && e > start
        {
            self.ranges.insert(s, start);
            self.pages -= e.min(end) - start;
            if e > end {
                self.ranges.insert(end, e);
            }
        }
        while let Some((&s, &e)) = self.ranges.range(start..end).next() {
            self.ranges.remove(&s);
            self.pages -= e.min(end) - s;
            if e > end {
                self.ranges.insert(end, e);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Extents;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_set_of_ranges_agrees_with_a_row_of_flags(
            steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..12), 1..40)
        ) {
            let mut extents = Extents::default();
            let mut flags = [false; 64];
            for (add, start, len) in steps {
                if add { extents.insert(start, start + len) } else { extents.remove(start, start + len) }
                flags[start as usize..(start + len) as usize].fill(add);
                prop_assert_eq!(extents.pages(), flags.iter().filter(|on| **on).count() as u64);
                for page in 0..64 {
                    prop_assert_eq!(extents.contains(page), flags[page as usize]);
                }
                let within = flags[7..23].iter().filter(|on| **on).count() as u64;
                prop_assert_eq!(extents.pages_within(7, 23), within);
            }
        }
    }
}
