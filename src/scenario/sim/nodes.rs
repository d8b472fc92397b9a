//! The nodes of a scenario: services, clients and verifiers.

use super::Sim;
use crate::model::engine::Need;
use crate::model::group::Group;
use crate::scenario::clock::Clock;
use crate::scenario::disk::Disk;
use crate::scenario::hosted;
use crate::scenario::node::{self, Node, NodeResult, Role};
use crate::scenario::process::{Process, RuntimeKind};
use afterlife_sim::{ExitCode, Main};
use std::future::Future;
use std::sync::Arc;

impl Sim {
    /// Adds a node that runs this service, from its beginning after every restart.
    ///
    /// # Panics
    /// If another node has the name.
    pub fn node<F, Fut>(&mut self, name: &str, service: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Service, Arc::new(service))
    }

    /// Adds several nodes that run this service: `name-0`, `name-1` and so on.
    ///
    /// # Panics
    /// If another node has one of the names.
    pub fn nodes<F, Fut>(&mut self, name: &str, count: usize, service: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        let service = Arc::new(service);
        let first = self.processes.len();
        for index in 0..count {
            self.add(format!("{name}-{index}"), index, Role::Service, service.clone());
        }
        Group::new(first, count)
    }

    /// Adds a client: a node that drives the scenario, and whose end the run waits for.
    ///
    /// # Panics
    /// If another node has the name.
    pub fn client<F, Fut>(&mut self, name: &str, workload: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Client, Arc::new(workload))
    }

    /// Adds a verifier: a client that starts once all others have ended and everything is healed, and inspects the outcome.
    ///
    /// # Panics
    /// If another node has the name.
    pub fn verifier<F, Fut>(&mut self, name: &str, workload: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Verifier, Arc::new(workload))
    }

    /// Adds a node that runs a main function without a runtime. The function returns the exit code.
    ///
    /// # Panics
    /// If another node has the name.
    #[track_caller]
    pub fn node_main(&mut self, name: &str, main: impl Fn(Node) -> i32 + Send + Sync + 'static) -> Group {
        self.asks_for(Need::Threads);
        self.add_main(name.to_owned(), 0, Role::Service, move |node| ExitCode::Code(main(node)))
    }

    /// Adds a client that runs a main function without a runtime. The function returns the exit code.
    ///
    /// # Panics
    /// If another node has the name.
    #[track_caller]
    pub fn client_main(&mut self, name: &str, main: impl Fn(Node) -> i32 + Send + Sync + 'static) -> Group {
        self.asks_for(Need::Threads);
        self.add_main(name.to_owned(), 0, Role::Client, move |node| ExitCode::Code(main(node)))
    }

    fn add<F, Fut>(&mut self, name: String, index: usize, role: Role, service: Arc<F>) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        let runtime = RuntimeKind::default();
        let kind = runtime.clone();
        let hosted = self.engine.is_guest().then(|| hosted::main(&name, index, self.seed, service.clone()));
        let group = self.add_main(name, index, role, move |node| node::drive(kind.workers(), service(node)));
        if let Some(process) = self.processes.last_mut() {
            process.runtime = runtime;
            process.service = hosted;
        }
        group
    }

    fn add_main(
        &mut self,
        name: String,
        index: usize,
        role: Role,
        main: impl Fn(Node) -> ExitCode + Send + Sync + 'static,
    ) -> Group {
        assert!(
            !self.processes.iter().any(|process| process.name == name),
            "two nodes have the name `{name}`: names are host names, so each node needs its own"
        );
        let (seed, leaked) = (self.seed, &*name.clone().leak());
        let main: Main = Arc::new(move |incarnation| main(Node::new(leaked, index, incarnation, seed)));
        let (disk, clock) = (Disk::default(), Clock::default());
        self.processes.push(Process {
            name,
            role,
            main,
            runtime: RuntimeKind::default(),
            service: None,
            disk,
            clock,
            memory_bytes: None,
            descriptors_max: None,
            links: Vec::new(),
            supervisor: None,
        });
        Group::new(self.processes.len() - 1, 1)
    }
}
