//! The meta server: answers requests, detects failures, and sends proposals. Nodes and partitions are in
//! `server_state.rs`, bulk loads in `bulk_load_service.rs`.

use super::ballots::Ballots;
use super::bulk_load_service::BulkLoadService;
use super::config::{FD_CHECK, GUARDIAN, MetaConfig};
use super::messages::{MetaAnswer, MetaRequest, PartitionConfig, Pid, Proposal, ReplicaAnswer, ReplicaRequest};
use super::rpc::{self, Caller};
use super::server_state::{Beacon, Needs, ServerState};
use super::tasks::Tasks;
use crate::rt::{net::TcpListener, time};
use std::future::Future;
use std::io;
use std::sync::Arc;

/// The meta server's parts.
struct MetaServer {
    config: MetaConfig,
    tasks: Arc<Tasks>,
    caller: Arc<Caller>,
    bulk_load: Arc<BulkLoadService>,
    ballots: Arc<dyn Ballots>,
    state: Arc<ServerState>,
}

/// Runs a meta server until `stop` is ready and everything that it started has ended.
///
/// # Errors
/// If it cannot listen.
pub async fn run_meta_server(
    config: MetaConfig,
    ballots: Arc<dyn Ballots>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind(&config.listen).await?;
    let tasks = Arc::new(Tasks::new());
    let (state, caller) = (Arc::new(ServerState::new(config.nodes.clone())), Arc::<Caller>::default());
    let bulk_load =
        Arc::new(BulkLoadService::new(&config, Arc::clone(&state), Arc::clone(&tasks), Arc::clone(&caller)));
    let meta = Arc::new(MetaServer { config, tasks: Arc::clone(&tasks), caller, bulk_load, ballots, state });
    let answering = Arc::clone(&meta);
    tasks.spawn(rpc::serve(listener, Arc::clone(&tasks), move |request| {
        let meta = Arc::clone(&answering);
        async move { meta.answer(request).await }
    }));
    tasks.spawn(Arc::clone(&meta).detect_failures());
    tasks.spawn(Arc::clone(&meta).guard_partitions());
    stop.await;
    tasks.stop().await;
    Ok(())
}

impl MetaServer {
    async fn answer(self: &Arc<Self>, request: MetaRequest) -> MetaAnswer {
        match request {
            MetaRequest::Beacon { node, rows_address, started } => self.on_beacon(&node, rows_address, started).await,
            MetaRequest::ConfigSync { node } => MetaAnswer::Configs(self.state.configs_for(&node)),
            MetaRequest::UpdateConfiguration { pid, ballot, primary, secondaries } => {
                self.on_update_configuration(pid, ballot, primary, secondaries).await
            }
            MetaRequest::Serving => MetaAnswer::Serving(self.state.serving()),
            MetaRequest::StartBulkLoad => self.bulk_load.start(),
            MetaRequest::Control(control) => self.bulk_load.control(control),
            MetaRequest::QueryBulkLoad => MetaAnswer::BulkLoad(self.bulk_load.query()),
            MetaRequest::Balance { pid } => self.balance(pid),
        }
    }

    async fn on_beacon(self: &Arc<Self>, node: &str, rows_address: String, started: u64) -> MetaAnswer {
        if !self.config.nodes.iter().any(|known| known == node) {
            return MetaAnswer::Refused(format!("no replica server is called {node}"));
        }
        let Beacon { is_restart, completes_cluster } = self.state.beacon(node, rows_address, started);
        if is_restart {
            self.node_lost(node).await;
        }
        if completes_cluster {
            self.make_partitions();
        }
        MetaAnswer::Done
    }

    /// Makes the app, and proposes each partition to its first node.
    fn make_partitions(&self) {
        self.state.make_partitions(self.config.partitions);
        for pid in 0..self.config.partitions {
            let config = self.state.config_of(pid).expect("it was made just now");
            let primary = config.primary.clone().expect("it was made with a primary");
            self.propose(pid, config, primary, Proposal::AssignPrimary);
        }
    }

    /// Handles a replica's request for another configuration of its group. A request under an older ballot is answered
    /// with the configuration in force.
    async fn on_update_configuration(
        &self,
        pid: Pid,
        ballot: u64,
        primary: Option<String>,
        secondaries: Vec<String>,
    ) -> MetaAnswer {
        let Some(before) = self.state.config_of(pid) else {
            return MetaAnswer::Refused(format!("no partition {pid}"));
        };
        if before.ballot != ballot {
            return MetaAnswer::Config(before);
        }
        let asked_in = self.state.incarnation(primary.as_deref());
        let next = match self.ballots.next(pid, ballot).await {
            Ok(next) => next,
            Err(why) => return MetaAnswer::Refused(why),
        };
        let config = PartitionConfig { ballot: next, primary, secondaries };
        MetaAnswer::Config(self.state.reconfigure(pid, ballot, config, asked_in))
    }

    /// Handles the death or restart of a node. It loses its primaries; its secondaries are up to their primaries.
    async fn node_lost(&self, node: &str) {
        for (pid, ballot) in self.state.lose(node) {
            // If there is no ballot now, the guardian tries again.
            let _ = self.drop_primary(pid, ballot).await;
        }
    }

    async fn drop_primary(&self, pid: Pid, ballot: u64) -> Result<(), String> {
        let next = self.ballots.next(pid, ballot).await?;
        self.state.drop_primary(pid, ballot, next);
        Ok(())
    }

    /// The failure detector: a node that has been silent for the grace period is dead.
    async fn detect_failures(self: Arc<Self>) {
        loop {
            time::sleep(FD_CHECK).await;
            for node in self.state.declare_dead() {
                self.node_lost(&node).await;
            }
        }
    }

    /// `partition_guardian`: sends the proposals that partitions need.
    async fn guard_partitions(self: Arc<Self>) {
        loop {
            time::sleep(GUARDIAN).await;
            let Needs { headless, proposals } = self.state.needs();
            for (pid, ballot) in headless {
                let _ = self.drop_primary(pid, ballot).await;
            }
            for (pid, config, to, proposal) in proposals {
                self.propose(pid, config, to, proposal);
            }
        }
    }

    fn propose(&self, pid: Pid, config: PartitionConfig, to: String, proposal: Proposal) {
        // No answer is awaited: the configuration shows whether the proposal was carried out.
        let request = ReplicaRequest::Propose { pid, config, proposal };
        self.send(to, request);
    }

    fn send(&self, to: String, request: ReplicaRequest) {
        let caller = Arc::clone(&self.caller);
        self.tasks.spawn(async move { drop(caller.call::<_, ReplicaAnswer>(&to, &request).await) });
    }

    /// `move_primary`: the primary steps down for one of its secondaries.
    fn balance(&self, pid: Pid) -> MetaAnswer {
        let (config, to) = match self.state.begin_move(pid) {
            Ok(begun) => begun,
            Err(why) => return MetaAnswer::Refused(why),
        };
        self.propose(pid, config, to, Proposal::DowngradeToSecondary);
        MetaAnswer::Done
    }
}
