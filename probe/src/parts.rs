//! The fields of a fact in a log: conversions in both directions.
//! It does not read or write a log.

use crate::fact::Fact;
use core::fmt::Arguments;

/// The fields of a fact. A field that its kind does not have is 0 or `None`.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The kind of fact: `opened`, `task-queued`.
    pub kind: &'a str,
    /// The name of the resource, the task, the claim.
    pub name: &'a str,
    /// The object's number. A task's object is its scope; the object of a registry's entry is the entry.
    pub object: u64,
    /// The number of the object's part: the borrow, the call, the task, the holder.
    pub part: u64,
    /// The fact's quantity: an epoch, a count, a percentage; 1 for a claim that held. Unsigned quantities keep their 64 bits
    /// (`value as u64` restores them).
    pub value: i64,
    /// The fact's text: the user, the callback's id, the key.
    pub text: Option<Arguments<'a>>,
}

impl<'a> Parts<'a> {
    const fn of(kind: &'a str, name: &'a str) -> Self {
        Self { kind, name, object: 0, part: 0, value: 0, text: None }
    }

    const fn object(self, object: u64) -> Self {
        Self { object, ..self }
    }

    const fn part(self, part: u64) -> Self {
        Self { part, ..self }
    }

    const fn value(self, value: i64) -> Self {
        Self { value, ..self }
    }
}

impl<'a> From<&Fact<'a>> for Parts<'a> {
    fn from(fact: &Fact<'a>) -> Self {
        match *fact {
            Fact::Declared { name } => Self::of("declared", name),
            Fact::Opening { name, object } => Self::of("opening", name).object(object),
            Fact::Opened { name, object } => Self::of("opened", name).object(object),
            Fact::Used { name, object, by } => Self { text: by, ..Self::of("used", name).object(object) },
            Fact::Borrowed { name, object } => Self::of("borrowed", name).object(object),
            Fact::Returned { name, object, borrow } => Self::of("returned", name).object(object).part(borrow),
            Fact::Closed { name, object } => Self::of("closed", name).object(object),
            Fact::Registered { name, id } => Self { text: Some(id), ..Self::of("registered", name) },
            Fact::CallBegan { name, object } => Self::of("call-began", name).object(object),
            Fact::CallEnded { name, object, call } => Self::of("call-ended", name).object(object).part(call),
            Fact::Deregistering { name, object } => Self::of("deregistering", name).object(object),
            Fact::Deregistered { name, object } => Self::of("deregistered", name).object(object),
            Fact::EpochBegan { name } => Self::of("epoch", name),
            Fact::Advanced { name, object, to } => Self::of("advanced", name).object(object).value(to as i64),
            // The log has the effect's name; the counter's name follows from the object's number.
            Fact::Effect { object, of, what, .. } => Self::of("effect", what).object(object).value(of as i64),
            Fact::ScopeOpened { name } => Self::of("scope", name),
            Fact::TaskQueued { name, scope } => Self::of("task-queued", name).object(scope),
            Fact::TaskBegan { name, scope, task } => Self::of("task-began", name).object(scope).part(task),
            Fact::TaskCancelled { name, scope, task } => Self::of("task-cancelled", name).object(scope).part(task),
            Fact::TaskEnded { name, scope, task } => Self::of("task-ended", name).object(scope).part(task),
            Fact::Joined { name, scope } => Self::of("joined", name).object(scope),
            Fact::ScopeClosed { name, scope } => Self::of("scope-closed", name).object(scope),
            Fact::SlotsMade { name, cap } => Self::of("slots", name).value(cap as i64),
            Fact::SlotTaken { name, object } => Self::of("slot-taken", name).object(object),
            Fact::SlotReturned { name, object, holder } => Self::of("slot-returned", name).object(object).part(holder),
            Fact::SlotsCounted { name, object, count } => Self::of("slots-counted", name).object(object).value(count),
            Fact::ProgressBegan { name, items } => Self::of("progress", name).value(items as i64),
            Fact::ItemVerified { name, object } => Self::of("item-verified", name).object(object),
            Fact::ProgressReported { name, object, percent } => {
                Self::of("progress-reported", name).object(object).value(percent as i64)
            }
            Fact::ProgressDone { name, object } => Self::of("progress-done", name).object(object),
            Fact::ChannelOpened { name } => Self::of("channel", name),
            Fact::ChannelNotified { name, object } => Self::of("channel-notified", name).object(object),
            Fact::ChannelClosed { name, object } => Self::of("channel-closed", name).object(object),
            Fact::EntryMade { name, key } => Self { text: Some(key), ..Self::of("entry-made", name) },
            Fact::EntryRemoved { name, entry, key } => {
                Self { text: key, ..Self::of("entry-removed", name).object(entry) }
            }
            Fact::Phase { name } => Self::of("phase", name),
            Fact::Always { claim, held } => Self::of("always", claim).value(held.into()),
            Fact::Sometimes { claim, held } => Self::of("sometimes", claim).value(held.into()),
            Fact::Reached { site } => Self::of("reached", site),
            Fact::Buggify { site, per_mille } => Self::of("buggify", site).value(per_mille as i64),
        }
    }
}

impl<'a> TryFrom<Parts<'a>> for Fact<'a> {
    /// The unknown kind.
    type Error = &'a str;

    fn try_from(parts: Parts<'a>) -> Result<Self, Self::Error> {
        let Parts { kind, name, object, part, value, text } = parts;
        let number = value as u64;
        Ok(match kind {
            "declared" => Self::Declared { name },
            "opening" => Self::Opening { name, object },
            "opened" => Self::Opened { name, object },
            "used" => Self::Used { name, object, by: text },
            "borrowed" => Self::Borrowed { name, object },
            "returned" => Self::Returned { name, object, borrow: part },
            "closed" => Self::Closed { name, object },
            "registered" => Self::Registered { name, id: text.ok_or(kind)? },
            "call-began" => Self::CallBegan { name, object },
            "call-ended" => Self::CallEnded { name, object, call: part },
            "deregistering" => Self::Deregistering { name, object },
            "deregistered" => Self::Deregistered { name, object },
            "epoch" => Self::EpochBegan { name },
            "advanced" => Self::Advanced { name, object, to: number },
            "effect" => Self::Effect { name: "", object, of: number, what: name },
            "scope" => Self::ScopeOpened { name },
            "task-queued" => Self::TaskQueued { name, scope: object },
            "task-began" => Self::TaskBegan { name, scope: object, task: part },
            "task-cancelled" => Self::TaskCancelled { name, scope: object, task: part },
            "task-ended" => Self::TaskEnded { name, scope: object, task: part },
            "joined" => Self::Joined { name, scope: object },
            "scope-closed" => Self::ScopeClosed { name, scope: object },
            "slots" => Self::SlotsMade { name, cap: number },
            "slot-taken" => Self::SlotTaken { name, object },
            "slot-returned" => Self::SlotReturned { name, object, holder: part },
            "slots-counted" => Self::SlotsCounted { name, object, count: value },
            "progress" => Self::ProgressBegan { name, items: number },
            "item-verified" => Self::ItemVerified { name, object },
            "progress-reported" => Self::ProgressReported { name, object, percent: number },
            "progress-done" => Self::ProgressDone { name, object },
            "channel" => Self::ChannelOpened { name },
            "channel-notified" => Self::ChannelNotified { name, object },
            "channel-closed" => Self::ChannelClosed { name, object },
            "entry-made" => Self::EntryMade { name, key: text.ok_or(kind)? },
            "entry-removed" => Self::EntryRemoved { name, entry: object, key: text },
            "phase" => Self::Phase { name },
            "always" => Self::Always { claim: name, held: value != 0 },
            "sometimes" => Self::Sometimes { claim: name, held: value != 0 },
            "reached" => Self::Reached { site: name },
            "buggify" => Self::Buggify { site: name, per_mille: number },
            unknown => return Err(unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 40] = [
        "declared",
        "opening",
        "opened",
        "used",
        "borrowed",
        "returned",
        "closed",
        "registered",
        "call-began",
        "call-ended",
        "deregistering",
        "deregistered",
        "epoch",
        "advanced",
        "effect",
        "scope",
        "task-queued",
        "task-began",
        "task-cancelled",
        "task-ended",
        "joined",
        "scope-closed",
        "slots",
        "slot-taken",
        "slot-returned",
        "slots-counted",
        "progress",
        "item-verified",
        "progress-reported",
        "progress-done",
        "channel",
        "channel-notified",
        "channel-closed",
        "entry-made",
        "entry-removed",
        "phase",
        "always",
        "sometimes",
        "reached",
        "buggify",
    ];

    #[test]
    fn every_kind_comes_back_as_it_was() {
        for kind in KINDS {
            let parts = Parts { kind, name: "n", object: 3, part: 4, value: 1, text: Some(format_args!("t")) };
            let Ok(fact) = Fact::try_from(parts) else { panic!("{kind} is a kind") };
            let again = Parts::from(&fact);
            assert_eq!((again.kind, again.name), (kind, "n"));
            let Ok(fact_again) = Fact::try_from(again) else { panic!("{kind} is a kind") };
            assert!(core::mem::discriminant(&fact) == core::mem::discriminant(&fact_again));
            assert_eq!(Parts::from(&fact_again).object, again.object);
        }
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let parts = Parts { kind: "bopened", name: "", object: 0, part: 0, value: 0, text: None };
        assert_eq!(Fact::try_from(parts).err(), Some("bopened"));
    }
}
