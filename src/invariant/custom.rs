//! A user's own invariants: the public trait, the events that it sees, and the adapter to a run's monitors.

use super::contract::{Facts, Monitor};
use super::deaths::is_failure;
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::time::Duration;

/// An invariant of a user's own: a state machine over the events of a run.
///
/// Register it with [`Sim::invariant`](crate::Sim::invariant), in the scenario's function, so that each run has a fresh one. Its
/// violations are handled like those of the built-in invariants: they end the run, are confirmed and shrunk, and get a token. Like
/// them, it can be [turned off](crate::Sim::turn_off), and its violations can be [known issues](crate::Sim::known_issue).
///
/// An invariant must depend on nothing but the events that it sees: no clock, no randomness, no file.
///
/// ```
/// use afterlife::{Break, EventKind, Invariant, Moment, ObservedEvent, Sim};
///
/// /// At most one node leads at a time.
/// #[derive(Default)]
/// struct NoTwoLeaders {
///     leader: Option<(String, Moment)>,
/// }
///
/// impl Invariant for NoTwoLeaders {
///     fn id(&self) -> &str {
///         "no-two-leaders"
///     }
///
///     fn observe(&mut self, event: &ObservedEvent<'_>) -> Option<Break> {
///         match event.kind() {
///             // `afterlife::probe::phase("leader")` in the program.
///             EventKind::Phase { name: "leader" } => {
///                 let (other, since) = self.leader.replace((event.node_name().to_owned(), event.moment()))?;
///                 let sentence = format!("{} leads although {other} still does", event.node_name());
///                 Some(Break::new(sentence).because_of(since))
///             }
///             EventKind::Phase { name: "follower" } | EventKind::Ended { .. } => {
///                 if self.leader.as_ref().is_some_and(|(leader, _)| leader == event.node_name()) {
///                     self.leader = None;
///                 }
///                 None
///             }
///             _ => None,
///         }
///     }
/// }
///
/// fn a_cluster(sim: &mut Sim) {
///     sim.invariant(NoTwoLeaders::default());
/// }
/// ```
pub trait Invariant: Send {
    /// The id: lower-case words with dashes, `no-two-leaders`. It appears in signatures, records and reports, and is the name by
    /// which a scenario turns the invariant off. If it begins with `no-`, reports head a violation with the rest, `two leaders`;
    /// otherwise with `broken:` and the id.
    fn id(&self) -> &str;

    /// Observes an event, in the order of the run. Returns the break if the invariant no longer holds.
    ///
    /// It is called for each event that has an [`EventKind`], of every node.
    fn observe(&mut self, event: &ObservedEvent<'_>) -> Option<Break>;
}

/// An event as an [`Invariant`] sees it.
pub struct ObservedEvent<'a> {
    event: &'a Event,
    facts: &'a dyn Facts,
    kind: EventKind<'a>,
}

impl<'a> ObservedEvent<'a> {
    fn of(event: &'a Event, facts: &'a dyn Facts) -> Option<Self> {
        Some(Self { event, facts, kind: EventKind::of(&event.what, facts)? })
    }

    /// The content of the event.
    pub fn kind(&self) -> EventKind<'a> {
        self.kind
    }

    /// The node on which it happened.
    pub fn node(&self) -> NodeId {
        self.event.node
    }

    /// The name of that node.
    pub fn node_name(&self) -> &'a str {
        self.facts.node(self.event.node)
    }

    /// The incarnation of the node's process, from 1.
    pub fn incarnation(&self) -> u16 {
        self.event.incarnation
    }

    /// The virtual time since the run began.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.event.time_ns)
    }

    /// The event as a moment of the run, for a later [`Break::because_of`].
    pub fn moment(&self) -> Moment {
        Moment(self.event.seq)
    }
}

/// A moment of a run: one of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Seq);

/// The content of an event. Names are those that the program or the scenario gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// A process began.
    Started,
    /// A graceful stop was requested.
    StopRequested {
        /// The time until the process is killed.
        budget: Duration,
    },
    /// A process ended.
    #[non_exhaustive]
    Ended {
        /// True if it failed by itself: a panic, an abort, a signal, a lack of memory, or an exit code that is not 0.
        failed: bool,
    },
    /// A thread panicked, whether or not the panic was caught.
    Panicked {
        /// The whole message.
        message: &'a str,
    },
    /// A fault struck the node.
    Fault {
        /// The kind of the fault: `power-loss`.
        kind: &'a str,
    },
    /// The scenario noted an entry in a [`Ledger`](crate::Ledger).
    Noted {
        /// The ledger's name.
        ledger: &'a str,
        /// The entry, as `{:?}` shows it.
        entry: &'a str,
    },
    /// The scenario declared a [`Ledger`](crate::Ledger) complete.
    #[non_exhaustive]
    Completed {
        /// The ledger's name.
        ledger: &'a str,
    },
    /// The process entered a phase: `afterlife_probe::phase`.
    Phase {
        /// The phase.
        name: &'a str,
    },
    /// A point in the code was reached: `afterlife_probe::reached!`.
    Reached {
        /// The point's name.
        name: &'a str,
    },
    /// A resource was opened.
    ResourceOpened {
        /// The resource's name.
        name: &'a str,
        /// The number of the object in the run.
        object: u32,
    },
    /// A resource was used.
    ResourceUsed {
        /// The resource's name.
        name: &'a str,
        /// The number of the object in the run.
        object: u32,
        /// The user; empty if the program does not say.
        by: &'a str,
    },
    /// A resource was torn down.
    ResourceClosed {
        /// The resource's name.
        name: &'a str,
        /// The number of the object in the run.
        object: u32,
    },
    /// A probe reported a step in another kind of lifetime: an epoch, a registration, a task, a slot, a channel.
    Probe {
        /// The step.
        step: ProbeEvent,
        /// The name that the program gave.
        name: &'a str,
        /// The number of the object in the run.
        object: u32,
        /// The step's number, such as the epoch; 0 if it has none.
        number: u64,
    },
    /// Nothing can run, and no deadline is left.
    Quiescent,
}

impl<'a> EventKind<'a> {
    fn of(what: &What, facts: &'a dyn Facts) -> Option<Self> {
        let text = |name: Name| facts.text(name);
        Some(match *what {
            What::Started => Self::Started,
            What::StopRequested { budget_ns } => Self::StopRequested { budget: Duration::from_nanos(budget_ns) },
            What::Exited { how } => Self::Ended { failed: is_failure(how) },
            What::Panicked { message, .. } => Self::Panicked { message: text(message) },
            What::Fault { kind, .. } => Self::Fault { kind: text(kind) },
            What::Noted { ledger, entry, .. } => Self::Noted { ledger: text(ledger), entry: text(entry) },
            What::Completed { ledger, .. } => Self::Completed { ledger: text(ledger) },
            What::Phase { name, .. } => Self::Phase { name: text(name) },
            What::Reached { name, .. } => Self::Reached { name: text(name) },
            What::ResourceOpened { name, object, .. } => Self::ResourceOpened { name: text(name), object },
            What::ResourceUsed { name, object, by, .. } => {
                Self::ResourceUsed { name: text(name), object, by: text(by) }
            }
            What::ResourceClosed { name, object, .. } => Self::ResourceClosed { name: text(name), object },
            What::Probe { step, name, object, number, .. } => Self::Probe { step, name: text(name), object, number },
            What::Quiescent => Self::Quiescent,
            _ => return None,
        })
    }

    fn is_of(what: &What) -> bool {
        matches!(
            what,
            What::Started
                | What::StopRequested { .. }
                | What::Exited { .. }
                | What::Panicked { .. }
                | What::Fault { .. }
                | What::Noted { .. }
                | What::Completed { .. }
                | What::Phase { .. }
                | What::Reached { .. }
                | What::ResourceOpened { .. }
                | What::ResourceUsed { .. }
                | What::ResourceClosed { .. }
                | What::Probe { .. }
                | What::Quiescent
        )
    }
}

/// A break of an [`Invariant`], at the event that it observes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an invariant returns its break"]
pub struct Break {
    sentence: String,
    class: String,
    turning: Vec<Seq>,
}

impl Break {
    /// A break with the sentence that the story prints: names, numbers and durations, as one line.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), class: String::new(), turning: Vec::new() }
    }

    /// Names what broke, without anything that differs from run to run: `orders`. Violations of one invariant on the same thing
    /// have the same signature, and are one finding. By default, all violations of an invariant are alike.
    pub fn on(self, class: impl Into<String>) -> Self {
        Self { class: class.into(), ..self }
    }

    /// Adds an earlier moment that the story must show: the turning point first.
    pub fn because_of(mut self, moment: Moment) -> Self {
        self.turning.push(moment.0);
        self
    }
}

/// A user's invariant among the monitors of a run.
pub(super) struct OwnInvariant(pub(super) Box<dyn Invariant>);

impl Monitor for OwnInvariant {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn wants(&self, what: &What) -> bool {
        EventKind::is_of(what)
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let Break { sentence, class, turning } = self.0.observe(&ObservedEvent::of(event, facts)?)?;
        let site = site_of(&event.what).map(|site| file_of(facts.text(site))).filter(|file| !file.is_empty());
        let subject = if class.is_empty() { facts.node(event.node).to_owned() } else { class.clone() };
        let class = if class.is_empty() { "broken".to_owned() } else { class };
        let invariant = self.id().to_owned();
        Some(Violation {
            invariant,
            class,
            sites: site.into_iter().collect(),
            subject,
            sentence,
            at: event.seq,
            turning,
            origins: Vec::new(),
        })
    }
}

/// The source line of an event that comes from one.
fn site_of(what: &What) -> Option<Name> {
    match *what {
        What::Panicked { site, .. }
        | What::Phase { site, .. }
        | What::Reached { site, .. }
        | What::ResourceOpened { site, .. }
        | What::ResourceUsed { site, .. }
        | What::ResourceClosed { site, .. }
        | What::Probe { site, .. } => Some(site),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    /// Breaks at the second use of a resource.
    #[derive(Default)]
    struct NoSecondUse {
        first: Option<Moment>,
    }

    impl Invariant for NoSecondUse {
        fn id(&self) -> &str {
            "no-second-use"
        }

        fn observe(&mut self, event: &ObservedEvent<'_>) -> Option<Break> {
            let EventKind::ResourceUsed { name, by, .. } = event.kind() else { return None };
            let first = self.first.replace(event.moment())?;
            Some(Break::new(format!("{by} used {name} again, on {}", event.node_name())).on(name).because_of(first))
        }
    }

    #[test]
    fn a_break_is_a_violation_with_the_id_of_its_invariant() {
        let mut script = Script::new();
        script.open("db", 1).used("db", 1, "apply 1").used("db", 1, "apply 2");
        let [violation] = &run(OwnInvariant(Box::new(NoSecondUse::default())), script)[..] else {
            panic!("one violation")
        };
        assert_eq!(violation.signature().to_string(), "no-second-use · db · src/use.rs");
        assert_eq!(violation.sentence, "apply 2 used db again, on node-0");
        assert_eq!((violation.at, &violation.turning[..]), (Seq(2), &[Seq(1)][..]));
    }
}
