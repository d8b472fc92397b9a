//! The nodes of a scenario: services, clients and verifiers.

use super::Sim;
use crate::model::engine::Need;
use crate::model::group::Group;
use crate::scenario::clock::Clock;
use crate::scenario::disk::Disk;
use crate::scenario::host_name;
use crate::scenario::hosted;
use crate::scenario::node::{self, Node, NodeResult, Role};
use crate::scenario::process::{Process, RuntimeKind};
use afterlife_sim::{ExitCode, Main};
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

impl Sim {
    /// Adds a node that runs this service, from its beginning after every restart. Its name is its host name: lower-case letters,
    /// digits and hyphens. Another name, or that of another node, is an error of the scenario.
    #[track_caller]
    pub fn node<F, Fut>(&mut self, name: &str, service: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Service, Arc::new(service))
    }

    /// Adds several nodes that run this service: `name-0`, `name-1` and so on.
    #[track_caller]
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

    /// Adds a client: a node that drives the scenario, and whose end the run waits for. A client that ends with an error breaks
    /// *no-client-error*, unless it [may fail](Self::may_fail).
    #[track_caller]
    pub fn client<F, Fut>(&mut self, name: &str, workload: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Client, Arc::new(workload))
    }

    /// Adds a verifier: a client that starts once all others have ended and everything is healed, and inspects the outcome. An error
    /// that it returns breaks *no-client-error*, as a client's does.
    #[track_caller]
    pub fn verifier<F, Fut>(&mut self, name: &str, workload: F) -> Group
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult> + 'static,
    {
        self.add(name.to_owned(), 0, Role::Verifier, Arc::new(workload))
    }

    /// Adds a node that runs a main function without a runtime. The function returns the exit code.
    #[track_caller]
    pub fn node_main(&mut self, name: &str, main: impl Fn(Node) -> i32 + Send + Sync + 'static) -> Group {
        self.asks_for(Need::Threads);
        self.add_main(name.to_owned(), 0, Role::Service, move |node| ExitCode::Code(main(node)))
    }

    /// Adds a client that runs a main function without a runtime. The function returns the exit code; any other than 0 is an error.
    #[track_caller]
    pub fn client_main(&mut self, name: &str, main: impl Fn(Node) -> i32 + Send + Sync + 'static) -> Group {
        self.asks_for(Need::Threads);
        self.add_main(name.to_owned(), 0, Role::Client, move |node| ExitCode::Code(main(node)))
    }

    #[track_caller]
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

    #[track_caller]
    fn add_main(
        &mut self,
        name: String,
        index: usize,
        role: Role,
        main: impl Fn(Node) -> ExitCode + Send + Sync + 'static,
    ) -> Group {
        let site = Location::caller();
        let named = host_name::check(&name).and_then(|()| match self.processes.iter().find(|known| known.name == name) {
            Some(known) => Err(format!(
                "two nodes have the name `{name}`, the other one since {}: names are host names, so each node needs its own",
                known.site
            )),
            None => Ok(()),
        });
        self.settle(named);
        let (seed, leaked) = (self.seed, &*name.clone().leak());
        let main: Main = Arc::new(move |incarnation| main(Node::new(leaked, index, incarnation, seed)));
        let (disk, clock) = (Disk::default(), Clock::default());
        self.processes.push(Process {
            name,
            site,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build::Build;

    fn refused(describe: impl FnOnce(&mut Sim)) -> String {
        let mut sim = Sim::new(Build::DEFAULT, 0);
        describe(&mut sim);
        sim.into_description().err().unwrap_or_default()
    }

    #[test]
    fn a_second_node_of_a_name_is_refused_with_both_lines() {
        let line = line!() + 2;
        let refused = refused(|sim| {
            sim.client("twice", |_| async { Ok(()) });
            sim.node_main("twice", |_| 0);
        });
        let (here, second) = (file!(), line + 1);
        assert_eq!(
            refused,
            format!(
                "{here}:{second}:17: two nodes have the name `twice`, the other one since {here}:{line}:17: names are host \
                names, so each node needs its own"
            )
        );
    }

    #[test]
    fn a_name_that_is_no_host_name_is_refused_with_its_line() {
        let line = line!() + 1;
        let refused = refused(|sim| drop(sim.nodes("Store", 2, |_| async { Ok(()) }).nodes()));
        assert!(refused.starts_with(&format!("{}:{line}:", file!())), "{refused}");
        assert!(refused.contains("`Store-0` is no host name"), "{refused}");
    }
}
