//! The descriptor table of a process: which number refers to which open description.
//! It does not look into descriptions.

use crate::kernel::process::fd::description::Slot;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::number::SLOTS_MAX;
use crate::kernel::sched::call_site::CallSite;

/// The descriptors of one process. A number is the table's base plus a slot.
pub(crate) struct DescriptorTable {
    open: Vec<Option<DescriptionId>>,
    /// The calls that last opened and closed each slot.
    history: Vec<Slot>,
    /// The process's own copies of channels that were opened outside the run, by their number there.
    mirrors: Vec<(i32, DescriptionId)>,
    /// The number of the first slot in the present incarnation.
    base: i32,
    slots_max: usize,
    /// No slot below this one is free.
    free_from: usize,
}

impl Default for DescriptorTable {
    fn default() -> Self {
        Self { open: Vec::new(), history: Vec::new(), mirrors: Vec::new(), base: 0, slots_max: SLOTS_MAX, free_from: 0 }
    }
}

impl DescriptorTable {
    /// Empties the table for an incarnation whose numbers begin at `base`.
    pub(crate) fn begin(&mut self, base: i32) {
        self.base = base;
        self.free_from = 0;
        self.history.clear();
    }

    /// Limits the number of open descriptors.
    pub(crate) fn limit(&mut self, count: Option<usize>) {
        self.slots_max = count.unwrap_or(SLOTS_MAX).min(SLOTS_MAX);
    }

    /// The most descriptors that may be open.
    pub(crate) fn slots_max(&self) -> usize {
        self.slots_max
    }

    /// The number of the first slot.
    pub(crate) fn base(&self) -> i32 {
        self.base
    }

    /// Returns whether no further descriptor may be opened.
    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= self.slots_max && self.open.iter().all(Option::is_some)
    }

    /// The description that a number refers to.
    #[inline]
    pub(crate) fn get(&self, fd: i32) -> Option<DescriptionId> {
        self.open.get(fd.wrapping_sub(self.base) as usize).copied().flatten()
    }

    /// Claims the lowest free slot that is not below `lowest`.
    pub(crate) fn lowest_free(&mut self, lowest: usize) -> usize {
        let from = lowest.max(self.free_from);
        let free = (from..self.open.len()).find(|slot| self.open[*slot].is_none());
        let slot = free.unwrap_or(self.open.len().max(from));
        if lowest <= self.free_from {
            self.free_from = slot + 1;
        }
        slot
    }

    /// Lets a free slot refer to a description; returns its number.
    pub(crate) fn set(&mut self, slot: usize, id: DescriptionId, opened: CallSite) -> i32 {
        if self.open.len() <= slot {
            self.open.resize(slot + 1, None);
        }
        self.open[slot] = Some(id);
        if self.history.len() <= slot {
            self.history.resize(slot + 1, Slot::default());
        }
        self.history[slot] = Slot { opened, closed: None };
        self.base + slot as i32
    }

    /// Frees an open number.
    pub(crate) fn close(&mut self, fd: i32, closed: CallSite) {
        let slot = (fd - self.base) as usize;
        self.open[slot] = None;
        self.history[slot].closed = Some(closed);
        self.free_from = self.free_from.min(slot);
    }

    /// The open descriptors in the order of their numbers: number, description, and the call that opened it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, DescriptionId, CallSite)> {
        self.open.iter().enumerate().filter_map(|(slot, id)| {
            let opened = self.history.get(slot).map_or(CallSite::default(), |slot| slot.opened);
            id.map(|id| (self.base + slot as i32, id, opened))
        })
    }

    /// The calls that opened and closed a closed number; `None` if it was never open, or is open.
    pub(crate) fn closed(&self, fd: i32) -> Option<(CallSite, CallSite)> {
        let slot = self.history.get(fd.wrapping_sub(self.base) as usize)?;
        Some((slot.opened, slot.closed?))
    }

    /// Empties the table: all descriptions that it referred to, then those of mirrors.
    pub(crate) fn take_all(&mut self) -> Vec<DescriptionId> {
        let open = std::mem::take(&mut self.open).into_iter().flatten();
        open.chain(self.mirrors.drain(..).map(|(_, id)| id)).collect()
    }

    /// The process's copy of an outside channel.
    pub(crate) fn mirror(&self, outside: i32) -> Option<DescriptionId> {
        self.mirrors.iter().find(|(number, _)| *number == outside).map(|(_, id)| *id)
    }

    /// Adds the process's copy of an outside channel.
    pub(crate) fn add_mirror(&mut self, outside: i32, id: DescriptionId) {
        self.mirrors.push((outside, id));
    }

    /// Returns whether a description is a copy of an outside channel.
    pub(crate) fn is_mirror(&self, id: DescriptionId) -> bool {
        self.mirrors.iter().any(|(_, mirror)| *mirror == id)
    }

    /// Returns whether the process has a copy of any outside channel.
    pub(crate) fn has_mirrors(&self) -> bool {
        !self.mirrors.is_empty()
    }
}
