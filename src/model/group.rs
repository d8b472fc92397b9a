//! A handle on the nodes that a scenario made together.

/// Nodes that were made together. Copy it wherever it is needed.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    first: usize,
    count: usize,
}

impl Group {
    pub(crate) fn new(first: usize, count: usize) -> Self {
        Self { first, count }
    }

    /// The number of its node at this place, from 0, as plans and faults have it.
    ///
    /// # Panics
    /// If it has no such node.
    pub fn number(self, index: usize) -> u16 {
        assert!(index < self.count, "node {index} of a group of {}", self.count);
        (self.first + index) as u16
    }

    /// These nodes and those, which were made right after them: say who may be cut off from whom.
    ///
    /// # Panics
    /// If others were made in between.
    #[must_use = "it changes neither group"]
    pub fn and(self, next: Self) -> Self {
        assert!(self.first + self.count == next.first, "`and` takes the group that was made right after this one");
        Self::new(self.first, self.count + next.count)
    }

    /// The numbers of its nodes.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u16> {
        (self.first..self.first + self.count).map(|number| number as u16)
    }
}
