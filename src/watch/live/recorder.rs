//! The recorder of one simulation: probe facts and ends of incarnations become events with numbered texts, nodes and objects.
//! The simulator's side says where and when each fact was reported, as an `At`.

use crate::run::facts::Texts;
use afterlife_probe::{Begins, Fact, Parts};
use afterlife_sim::event::probe::{self, Register};
use afterlife_sim::event::{Event, Name, NodeId, Seq, What};
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers recorders, so that one does not mistake another's object for its own.
static RECORDERS: AtomicU64 = AtomicU64::new(1);

/// The place and the time of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// The node and its incarnation; `None` if unknown, as in a destructor after the end of its task.
    pub(crate) process: Option<(NodeId, u16)>,
    /// The simulator's number of the task; 0 without one.
    pub(crate) task: u64,
    /// The simulation's time in nanoseconds, if known.
    pub(crate) time_ns: Option<u64>,
    /// The incarnation is over. A killed process runs no destructors, so facts from destructors are dropped.
    pub(crate) dead: bool,
}

impl At {
    /// A place in an incarnation, outside of tasks.
    pub(crate) fn of(process: (NodeId, u16), time_ns: Option<u64>) -> Self {
        Self { process: Some(process), task: 0, time_ns, dead: false }
    }
}

/// A host that was seen.
#[derive(Debug)]
struct Host {
    name: String,
    incarnation: u16,
}

/// The events so far, and the numbers in use.
#[derive(Debug)]
pub(crate) struct Recorder {
    id: u64,
    texts: Texts,
    /// The names of call sites, by the address of the file name and the line. The address is only a key.
    sites: BTreeMap<(usize, u32), Name>,
    hosts: Vec<Host>,
    objects: u32,
    /// The process that began each object and each part of one.
    owners: BTreeMap<u32, (NodeId, u16)>,
    generations: BTreeMap<(NodeId, Name), u32>,
    /// The numbers of tasks by the simulator's numbers, and the last event of each.
    tasks: BTreeMap<(NodeId, u16, u64), u64>,
    last: BTreeMap<(NodeId, u16, u64), Seq>,
    events: Vec<Event>,
    now_ns: u64,
}

/// A finished recording.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Texts by number.
    pub(crate) texts: Texts,
    /// Hosts by number.
    pub(crate) hosts: Vec<String>,
    /// Events in order.
    pub(crate) events: Vec<Event>,
    /// The time of the last event.
    pub(crate) now_ns: u64,
}

impl Recorder {
    /// An empty recorder for a simulation whose clock shows `now_ns`.
    pub(crate) fn new(now_ns: u64) -> Self {
        Self {
            id: RECORDERS.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff,
            texts: Texts::default(),
            sites: BTreeMap::new(),
            hosts: Vec::new(),
            objects: 0,
            owners: BTreeMap::new(),
            generations: BTreeMap::new(),
            tasks: BTreeMap::new(),
            last: BTreeMap::new(),
            events: Vec::new(),
            now_ns,
        }
    }

    /// The host with this name, new or known.
    pub(crate) fn host(&mut self, name: &str) -> NodeId {
        let known = self.hosts.iter().position(|host| host.name == name && !name.is_empty());
        NodeId(known.unwrap_or_else(|| {
            self.hosts.push(Host { name: name.to_owned(), incarnation: 1 });
            self.hosts.len() - 1
        }) as u16)
    }

    /// The incarnation of a host, from 1.
    pub(crate) fn incarnation(&self, host: NodeId) -> u16 {
        self.hosts.get(usize::from(host.0)).map_or(1, |host| host.incarnation)
    }

    /// Begins a host's next incarnation, and returns its number.
    pub(crate) fn next_incarnation(&mut self, host: NodeId) -> u16 {
        self.hosts.get_mut(usize::from(host.0)).map_or(1, |host| {
            host.incarnation = host.incarnation.saturating_add(1);
            host.incarnation
        })
    }

    /// Assigns the events of a nameless host to this incarnation of a host.
    pub(crate) fn assign(&mut self, nameless: NodeId, host: NodeId, incarnation: u16) {
        let reassign = |process: &mut (NodeId, u16)| {
            if process.0 == nameless {
                *process = (host, incarnation);
            }
        };
        self.owners.values_mut().for_each(reassign);
        for event in self.events.iter_mut().filter(|event| event.node == nameless) {
            (event.node, event.incarnation) = (host, incarnation);
        }
    }

    /// Our number of an object or a part, from the program's number; `None` if another recorder gave it.
    fn number_of(&self, number: u64) -> Option<u32> {
        (number >> 32 == self.id).then_some((number & u64::from(u32::MAX)) as u32)
    }

    /// Records a fact. Returns the answer for the program that reported it.
    pub(crate) fn record(&mut self, at: At, fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
        let mine = |number: u64| self.number_of(number).is_some();
        let Parts { object, part, .. } = Parts::from(fact);
        let of_an_object = fact.begins() != Begins::Object
            && !matches!(
                fact,
                Fact::Phase { .. } | Fact::Always { .. } | Fact::Sometimes { .. } | Fact::Reached { .. }
            );
        // Objects from before the watch have no number. And `buggify` stays off in another simulator's test.
        if at.dead || of_an_object && !mine(object) || part > 0 && !mine(part) || matches!(fact, Fact::Buggify { .. }) {
            return 0;
        }
        let owner = self.number_of(object).and_then(|object| self.owners.get(&object)).copied();
        let process = at.process.or(owner).unwrap_or_else(|| (self.host("the test"), 1));
        let texts = &mut self.texts;
        let key = (site.file().as_ptr().addr(), site.line());
        let site = *self.sites.entry(key).or_insert_with(|| texts.name(&format!("{}:{}", site.file(), site.line())));
        let (what, answer) = probe::event_of(fact, site, &mut Numbers { recorder: self, node: process.0 });
        if fact.begins() != Begins::Nothing {
            self.owners.extend(u32::try_from(answer).ok().map(|number| (number, process)));
        }
        if let Some(what) = what {
            self.push(At { process: Some(process), ..at }, what);
        }
        if answer == 0 { 0 } else { self.id << 32 | answer }
    }

    /// Appends an event, unless its incarnation is over. `make` numbers the event's texts.
    pub(crate) fn append(&mut self, at: At, make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
        if !at.dead {
            let what = make(&mut |text| self.texts.name(text));
            self.push(at, what);
        }
    }

    /// The number of events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Inserts an event before the event number `from`, as the cause of the events from there on. It is for events that
    /// a simulator reports after their effects. The event belongs to no task.
    pub(crate) fn insert(&mut self, from: usize, at: At, make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
        let seq = Seq(from as u64);
        let later = |number: &mut Seq| number.0 += u64::from(*number != Seq::NONE && *number >= seq);
        for event in self.events.iter_mut().skip(from) {
            later(&mut event.seq);
            later(&mut event.cause);
            if event.cause == Seq::NONE || event.cause < seq {
                event.cause = seq;
            }
        }
        self.last.values_mut().for_each(later);
        let Some(first) = self.events.get(from) else { return self.append(at, make) };
        let (node, incarnation) = at.process.unwrap_or((first.node, first.incarnation));
        let at = Event { seq, node, incarnation, task: 0, cause: Seq::NONE, ..*first };
        let what = make(&mut |text| self.texts.name(text));
        self.events.insert(from, Event { what, ..at });
    }

    fn push(&mut self, at: At, what: What) {
        let process = at.process.unwrap_or_else(|| (self.host("the test"), 1));
        // Hosts of one step take turns in the same span of time. Recorded time never goes back.
        self.now_ns = at.time_ns.map_or(self.now_ns, |time_ns| time_ns.max(self.now_ns));
        let (node, incarnation) = process;
        let task = self.task(process, at.task);
        let seq = Seq(self.events.len() as u64);
        let before = |incarnation, task| self.last.get(&(node, incarnation, task)).copied();
        let of_this_incarnation = before(incarnation, task).or_else(|| before(incarnation, u64::MAX));
        let cause =
            of_this_incarnation.or_else(|| before(incarnation.saturating_sub(1), u64::MAX)).unwrap_or(Seq::NONE);
        self.last.insert((node, incarnation, task), seq);
        self.last.insert((node, incarnation, u64::MAX), seq);
        self.events.push(Event { seq, time_ns: self.now_ns, node, incarnation, thread: 0, task, cause, what });
    }

    /// The number of a task. Tasks are numbered in the order of their first events, because the simulator's numbers differ
    /// between processes.
    fn task(&mut self, (node, incarnation): (NodeId, u16), theirs: u64) -> u64 {
        if theirs == 0 {
            return 0;
        }
        if let Some(task) = self.tasks.get(&(node, incarnation, theirs)) {
            return *task;
        }
        let task = self.tasks.range((node, incarnation, 0)..=(node, incarnation, u64::MAX)).count() as u64 + 1;
        self.tasks.insert((node, incarnation, theirs), task);
        task
    }

    /// Ends the recording.
    pub(crate) fn finish(self) -> Recording {
        let name = |(index, host): (usize, Host)| match host.name.as_str() {
            "" => format!("host {index}"),
            _ => host.name,
        };
        let hosts = self.hosts.into_iter().enumerate().map(name).collect();
        Recording { texts: self.texts, hosts, events: self.events, now_ns: self.now_ns }
    }
}

/// The numbers of one host's objects.
struct Numbers<'a> {
    recorder: &'a mut Recorder,
    node: NodeId,
}

impl Register for Numbers<'_> {
    fn name(&mut self, text: &str) -> Name {
        self.recorder.texts.name(text)
    }

    fn assigned(&self, number: u64) -> Option<u32> {
        if number == 0 { Some(0) } else { self.recorder.number_of(number) }
    }

    fn object(&mut self) -> u32 {
        self.recorder.objects += 1;
        self.recorder.objects
    }

    fn generation(&mut self, name: Name) -> u32 {
        let generation = self.recorder.generations.entry((self.node, name)).or_insert(0);
        *generation += 1;
        *generation
    }
}
