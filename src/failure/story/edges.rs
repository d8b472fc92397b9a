//! Events of a record by number, their causes, and the kinds of events that stories and timelines show.

use afterlife_sim::event::{Event, ProbeEvent, Seq, What};

/// The event with this number. A record holds every event, so the number is also its index.
pub(super) fn find(events: &[Event], seq: Seq) -> Option<&Event> {
    let at = usize::try_from(seq.0).ok()?;
    events.get(at).filter(|event| event.seq == seq).or_else(|| events.iter().find(|event| event.seq == seq))
}

/// The causes of an event, nearest first.
pub(super) fn causes<'a>(events: &'a [Event], from: &'a Event) -> Vec<&'a Event> {
    let before = |effect: &&'a Event| find(events, effect.cause).filter(|cause| cause.seq < effect.seq);
    std::iter::successors(before(&from), before).collect()
}

/// Returns whether the event is the strike of a fault.
pub(crate) fn is_fault(event: &Event) -> bool {
    matches!(event.what, What::Fault { .. })
}

pub(super) fn listens(event: &Event) -> bool {
    matches!(event.what, What::Listening { .. })
}

/// The object of an event.
pub(super) fn object_of(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceUsed { object, .. } | What::Probe { object, .. } => Some(object),
        _ => object_edge(event),
    }
}

/// The object whose lifetime begins, ends or enters its next phase with this event.
pub(crate) fn object_edge(event: &Event) -> Option<u32> {
    match event.what {
        What::ResourceOpened { object, .. } | What::ResourceClosed { object, .. } => Some(object),
        What::Probe { step, object, .. } => match step {
            // There may be many of these. The violation names those that matter.
            ProbeEvent::Borrowed
            | ProbeEvent::Returned
            | ProbeEvent::CallBegan
            | ProbeEvent::CallEnded
            | ProbeEvent::Effect
            | ProbeEvent::TaskQueued
            | ProbeEvent::SlotsCounted
            | ProbeEvent::ItemVerified
            | ProbeEvent::ProgressReported
            | ProbeEvent::Buggified => None,
            _ => Some(object),
        },
        _ => None,
    }
}

/// Returns whether the event begins, ends or changes the state of an incarnation.
pub(crate) fn is_incarnation_edge(event: &Event) -> bool {
    match event.what {
        What::Started => event.incarnation > 1,
        What::StopRequested { .. }
        | What::StopRepeated
        | What::Exited { .. }
        | What::Panicked { .. }
        | What::Phase { .. }
        | What::Paused
        | What::Resumed
        | What::MemoryUsed { .. }
        | What::Signalled { .. }
        | What::DiskFailed { .. }
        | What::DataLost { .. }
        | What::FileLost { .. } => true,
        _ => false,
    }
}
