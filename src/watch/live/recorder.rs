//! What is heard of one simulation: facts and ends of lives as events, with the numbers of their texts, nodes and objects.
//! It does not know where a fact was told; `At` says that. It judges nothing.

use crate::run::facts::Texts;
use afterlife_probe::{Begins, Fact, Parts};
use afterlife_sim::event::probe::{self, Register};
use afterlife_sim::event::{Event, Name, NodeId, Seq, What};
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

/// So that a number which one hearing gave is nothing to another.
static HEARINGS: AtomicU64 = AtomicU64::new(1);

/// Where and when something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// Whose, and in which life; `None` where that cannot be known, as in a destructor after the end of its task.
    pub(crate) who: Option<(NodeId, u16)>,
    /// What the simulator calls the task, 0 if there is none.
    pub(crate) task: u64,
    /// Nanoseconds of the simulation's time, if it can be told there.
    pub(crate) time_ns: Option<u64>,
    /// Whether the life is over: a process that was killed runs no destructors, and so nothing that they tell is heard.
    pub(crate) dead: bool,
}

impl At {
    /// In a life, in no task.
    pub(crate) fn of(who: (NodeId, u16), time_ns: Option<u64>) -> Self {
        Self { who: Some(who), task: 0, time_ns, dead: false }
    }
}

/// A host, as far as it was heard of.
#[derive(Debug)]
struct Host {
    name: String,
    life: u16,
}

/// All that was heard.
#[derive(Debug)]
pub(crate) struct Hearing {
    id: u64,
    texts: Texts,
    /// CallSites that told something, by where their file's name lies in memory: a key, and nothing else hangs on it.
    sites: BTreeMap<(usize, u32), Name>,
    hosts: Vec<Host>,
    objects: u32,
    /// Who began each object and each of its parts.
    owners: BTreeMap<u32, (NodeId, u16)>,
    generations: BTreeMap<(NodeId, Name), u32>,
    /// The numbers of tasks, by what the simulator calls them, and what each told last.
    tasks: BTreeMap<(NodeId, u16, u64), u64>,
    last: BTreeMap<(NodeId, u16, u64), Seq>,
    events: Vec<Event>,
    now_ns: u64,
}

/// What a hearing comes to.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Texts by number.
    pub(crate) texts: Texts,
    /// Hosts by number.
    pub(crate) hosts: Vec<String>,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
    /// How long it went on.
    pub(crate) now_ns: u64,
}

impl Hearing {
    /// A hearing in which nothing was told, of a simulation whose clock shows this.
    pub(crate) fn new(now_ns: u64) -> Self {
        Self {
            id: HEARINGS.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff,
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

    /// The host of this name, new or known.
    pub(crate) fn host(&mut self, name: &str) -> NodeId {
        let known = self.hosts.iter().position(|host| host.name == name && !name.is_empty());
        NodeId(known.unwrap_or_else(|| {
            self.hosts.push(Host { name: name.to_owned(), life: 1 });
            self.hosts.len() - 1
        }) as u16)
    }

    /// Which life a host is in, from 1.
    pub(crate) fn life(&self, host: NodeId) -> u16 {
        self.hosts.get(usize::from(host.0)).map_or(1, |host| host.life)
    }

    /// A host begins its next life; returns its number.
    pub(crate) fn next_life(&mut self, host: NodeId) -> u16 {
        self.hosts.get_mut(usize::from(host.0)).map_or(1, |host| {
            host.life = host.life.saturating_add(1);
            host.life
        })
    }

    /// What was told by a host without a name was another's, in this life of it.
    pub(crate) fn is(&mut self, nameless: NodeId, host: NodeId, life: u16) {
        let told = |who: &mut (NodeId, u16)| {
            if who.0 == nameless {
                *who = (host, life);
            }
        };
        self.owners.values_mut().for_each(told);
        for event in self.events.iter_mut().filter(|event| event.node == nameless) {
            (event.node, event.incarnation) = (host, life);
        }
    }

    /// The number of an object or of a part of one, from the number that the program has; `None` if another hearing gave it.
    fn number_of(&self, number: u64) -> Option<u32> {
        (number >> 32 == self.id).then_some((number & u64::from(u32::MAX)) as u32)
    }

    /// Takes a fact; the answer is for the program that told it.
    pub(crate) fn tell(&mut self, at: At, fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
        let mine = |number: u64| self.number_of(number).is_some();
        let Parts { object, part, .. } = Parts::from(fact);
        let of_an_object = fact.begins() != Begins::Object
            && !matches!(
                fact,
                Fact::Phase { .. } | Fact::Always { .. } | Fact::Sometimes { .. } | Fact::Reached { .. }
            );
        // What began before anybody listened has no number by which it could be known again. And nobody is to misbehave here.
        if at.dead || of_an_object && !mine(object) || part > 0 && !mine(part) || matches!(fact, Fact::Buggify { .. }) {
            return 0;
        }
        let owner = self.number_of(object).and_then(|object| self.owners.get(&object)).copied();
        let who = at.who.or(owner).unwrap_or_else(|| (self.host("the test"), 1));
        let texts = &mut self.texts;
        let place = (site.file().as_ptr().addr(), site.line());
        let site = *self.sites.entry(place).or_insert_with(|| texts.name(&format!("{}:{}", site.file(), site.line())));
        let (what, answer) = probe::event_of(fact, site, &mut Teller { hearing: self, node: who.0 });
        if fact.begins() != Begins::Nothing {
            self.owners.extend(u32::try_from(answer).ok().map(|number| (number, who)));
        }
        if let Some(what) = what {
            self.push(At { who: Some(who), ..at }, what);
        }
        if answer == 0 { 0 } else { self.id << 32 | answer }
    }

    /// Lets something happen, unless that is in a life that is over; `make` gets what numbers texts.
    pub(crate) fn happens(&mut self, at: At, make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
        if !at.dead {
            let what = make(&mut |text| self.texts.name(text));
            self.push(at, what);
        }
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Lets something have happened before all events from this one on, and led to them: it was heard of after what it did. No
    /// task did it.
    pub(crate) fn happened(&mut self, from: usize, at: At, make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
        let seq = Seq(from as u64);
        let later = |it: &mut Seq| it.0 += u64::from(*it != Seq::NONE && *it >= seq);
        for event in self.events.iter_mut().skip(from) {
            later(&mut event.seq);
            later(&mut event.cause);
            if event.cause == Seq::NONE || event.cause < seq {
                event.cause = seq;
            }
        }
        self.last.values_mut().for_each(later);
        let Some(first) = self.events.get(from) else { return self.happens(at, make) };
        let (node, incarnation) = at.who.unwrap_or((first.node, first.incarnation));
        let at = Event { seq, node, incarnation, task: 0, cause: Seq::NONE, ..*first };
        let what = make(&mut |text| self.texts.name(text));
        self.events.insert(from, Event { what, ..at });
    }

    fn push(&mut self, at: At, what: What) {
        let who = at.who.unwrap_or_else(|| (self.host("the test"), 1));
        // Hosts of one step go one after another through the same time: nothing is told earlier than what was told before it.
        self.now_ns = at.time_ns.map_or(self.now_ns, |time_ns| time_ns.max(self.now_ns));
        let (node, incarnation) = who;
        let task = self.task(who, at.task);
        let seq = Seq(self.events.len() as u64);
        let before = |life, task| self.last.get(&(node, life, task)).copied();
        let of_this_life = before(incarnation, task).or_else(|| before(incarnation, u64::MAX));
        let cause = of_this_life.or_else(|| before(incarnation.saturating_sub(1), u64::MAX)).unwrap_or(Seq::NONE);
        self.last.insert((node, incarnation, task), seq);
        self.last.insert((node, incarnation, u64::MAX), seq);
        self.events.push(Event { seq, time_ns: self.now_ns, node, incarnation, thread: 0, task, cause, what });
    }

    /// Tasks are numbered in the order in which they are heard: what a simulator calls them differs between processes.
    fn task(&mut self, (node, life): (NodeId, u16), called: u64) -> u64 {
        if called == 0 {
            return 0;
        }
        if let Some(task) = self.tasks.get(&(node, life, called)) {
            return *task;
        }
        let task = self.tasks.range((node, life, 0)..=(node, life, u64::MAX)).count() as u64 + 1;
        self.tasks.insert((node, life, called), task);
        task
    }

    /// Ends it.
    pub(crate) fn finish(self) -> Heard {
        let name = |(index, host): (usize, Host)| match host.name.as_str() {
            "" => format!("host {index}"),
            _ => host.name,
        };
        let hosts = self.hosts.into_iter().enumerate().map(name).collect();
        Heard { texts: self.texts, hosts, events: self.events, now_ns: self.now_ns }
    }
}

/// Numbers what a host tells of.
struct Teller<'a> {
    hearing: &'a mut Hearing,
    node: NodeId,
}

impl Register for Teller<'_> {
    fn name(&mut self, text: &str) -> Name {
        self.hearing.texts.name(text)
    }

    fn assigned(&self, number: u64) -> Option<u32> {
        if number == 0 { Some(0) } else { self.hearing.number_of(number) }
    }

    fn object(&mut self) -> u32 {
        self.hearing.objects += 1;
        self.hearing.objects
    }

    fn generation(&mut self, name: Name) -> u32 {
        let generation = self.hearing.generations.entry((self.node, name)).or_insert(0);
        *generation += 1;
        *generation
    }
}
