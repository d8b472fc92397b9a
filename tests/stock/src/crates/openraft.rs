//! openraft: three members that agree on a list over HTTP, each with its log in its own file.

use crate::faults::{early, ms, must_succeed, secs};
use crate::row::{Row, Verdict};
use afterlife::{Faults, Node, NodeResult, Sim};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, Unreachable};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse, VoteRequest,
    VoteResponse,
};
use openraft::storage::{LogFlushed, RaftLogStorage, RaftStateMachine};
use openraft::{
    BasicNode, Config, Entry, EntryPayload, LogId, LogState, OptionalSend, Raft, RaftLogReader, RaftSnapshotBuilder,
    Snapshot, SnapshotMeta, SnapshotPolicy, StorageError, StorageIOError, StoredMembership, Vote,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::time::sleep;

pub(crate) const ROW: Row = Row {
    name: "openraft",
    crates: &["openraft"],
    does: "three members with durable logs that replicate a list over axum and reqwest; kills, power losses, partitions",
    verdict: Verdict::Runs(""),
    seeds: 20,
    script,
};

openraft::declare_raft_types!(pub(crate) Types: D = u64, R = u64, Node = BasicNode);

type Failed<E = openraft::error::Infallible> = RPCError<u64, BasicNode, RaftError<u64, E>>;
type Stored<T> = Result<T, StorageError<u64>>;

// -- the log: one file, replaced whole

#[derive(Clone, Default, Deserialize, Serialize)]
struct Log {
    vote: Option<Vote<u64>>,
    entries: BTreeMap<u64, Entry<Types>>,
}

#[derive(Clone)]
struct LogFile(Arc<Mutex<Log>>);

impl LogFile {
    fn open() -> Result<Self, std::io::Error> {
        let log = match fs::read("/raft.log") {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(_) => Log::default(),
        };
        Ok(Self(Arc::new(Mutex::new(log))))
    }

    fn change(&self, change: impl FnOnce(&mut Log)) -> std::io::Result<()> {
        let mut log = self.0.lock().expect("no change panics");
        change(&mut log);
        let mut file = File::create("/raft.new")?;
        file.write_all(&serde_json::to_vec(&*log)?)?;
        file.sync_all()?;
        fs::rename("/raft.new", "/raft.log")?;
        File::open("/")?.sync_all()
    }
}

impl RaftLogReader<Types> for LogFile {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Stored<Vec<Entry<Types>>> {
        Ok(self.0.lock().expect("no change panics").entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<Types> for LogFile {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Stored<LogState<Types>> {
        let log = self.0.lock().expect("no change panics");
        let last_log_id = log.entries.last_key_value().map(|(_, entry)| entry.log_id);
        Ok(LogState { last_purged_log_id: None, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Stored<()> {
        Ok(self.change(|log| log.vote = Some(*vote)).map_err(|error| StorageIOError::write_vote(&error))?)
    }

    async fn read_vote(&mut self) -> Stored<Option<Vote<u64>>> {
        Ok(self.0.lock().expect("no change panics").vote)
    }

    async fn append<I>(&mut self, entries: I, flushed: LogFlushed<Types>) -> Stored<()>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(|entry| (entry.log_id.index, entry));
        flushed.log_io_completed(self.change(|log| log.entries.extend(entries)));
        Ok(())
    }

    async fn truncate(&mut self, from: LogId<u64>) -> Stored<()> {
        let cut = self.change(|log| drop(log.entries.split_off(&from.index)));
        Ok(cut.map_err(|error| StorageIOError::write_logs(&error))?)
    }

    async fn purge(&mut self, _: LogId<u64>) -> Stored<()> {
        unreachable!("no snapshot is ever taken")
    }
}

// -- the list, in memory: applied again after a restart

#[derive(Clone, Default)]
struct List {
    applied: Option<LogId<u64>>,
    membership: StoredMembership<u64, BasicNode>,
    numbers: Arc<Mutex<Vec<u64>>>,
}

impl RaftSnapshotBuilder<Types> for List {
    async fn build_snapshot(&mut self) -> Stored<Snapshot<Types>> {
        unreachable!("the policy is never to take one")
    }
}

impl RaftStateMachine<Types> for List {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Stored<(Option<LogId<u64>>, StoredMembership<u64, BasicNode>)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Stored<Vec<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut numbers = self.numbers.lock().expect("no reader panics");
        let apply = |entry: Entry<Types>| {
            self.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Normal(number) => numbers.push(number),
                EntryPayload::Membership(new) => self.membership = StoredMembership::new(Some(entry.log_id), new),
                EntryPayload::Blank => {}
            }
            numbers.len() as u64
        };
        Ok(entries.into_iter().map(apply).collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Stored<Box<Cursor<Vec<u8>>>> {
        unreachable!("nobody sends one")
    }

    async fn install_snapshot(&mut self, _: &SnapshotMeta<u64, BasicNode>, _: Box<Cursor<Vec<u8>>>) -> Stored<()> {
        unreachable!("nobody sends one")
    }

    async fn get_current_snapshot(&mut self) -> Stored<Option<Snapshot<Types>>> {
        Ok(None)
    }
}

// -- the network: JSON over HTTP

struct Peers(reqwest::Client);

struct Peer {
    client: reqwest::Client,
    host: String,
}

impl RaftNetworkFactory<Types> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, _: u64, node: &BasicNode) -> Peer {
        Peer { client: self.0.clone(), host: node.addr.clone() }
    }
}

impl Peer {
    async fn ask<T: DeserializeOwned, E: std::error::Error>(
        &self,
        what: &str,
        body: &impl Serialize,
        option: RPCOption,
    ) -> Result<T, Failed<E>> {
        let request = self.client.post(format!("http://{}/{what}", self.host)).timeout(option.hard_ttl()).json(body);
        let answer = request.send().await.map_err(|error| Unreachable::new(&error))?;
        Ok(answer.json().await.map_err(|error| NetworkError::new(&error))?)
    }
}

impl RaftNetwork<Types> for Peer {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failed> {
        self.ask("append", &rpc, option).await
    }

    async fn vote(&mut self, rpc: VoteRequest<u64>, option: RPCOption) -> Result<VoteResponse<u64>, Failed> {
        self.ask("vote", &rpc, option).await
    }

    async fn install_snapshot(
        &mut self,
        _: InstallSnapshotRequest<Types>,
        _: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failed<InstallSnapshotError>> {
        unreachable!("no snapshot is ever taken")
    }
}

// -- a member, and the clients

async fn member(node: Node) -> NodeResult {
    let config = Config {
        heartbeat_interval: 100,
        election_timeout_min: 300,
        election_timeout_max: 600,
        snapshot_policy: SnapshotPolicy::Never,
        ..Config::default()
    };
    let list = List::default();
    let numbers = list.numbers.clone();
    let peers = Peers(reqwest::Client::new());
    let raft =
        Raft::<Types>::new(node.index() as u64, Arc::new(config.validate()?), peers, LogFile::open()?, list).await?;
    let members: BTreeMap<u64, BasicNode> = (0..3).map(|id| (id, BasicNode::new(format!("member-{id}")))).collect();
    // Every member initializes at its first start, with the same members. Later it fails, because the cluster exists.
    let _ = raft.initialize(members).await;
    let app = Router::new()
        .route(
            "/append",
            post(|State(raft): State<Raft<Types>>, Json(rpc)| async move { Json(raft.append_entries(rpc).await.ok()) }),
        )
        .route(
            "/vote",
            post(|State(raft): State<Raft<Types>>, Json(rpc)| async move { Json(raft.vote(rpc).await.ok()) }),
        )
        .route(
            "/add",
            post(|State(raft): State<Raft<Types>>, Json(number)| async move {
                Json(raft.client_write(number).await.ok().map(|written| written.data))
            }),
        )
        .route("/list", get(move || async move { Json(numbers.lock().expect("no entry panics").clone()) }))
        .with_state(raft);
    Ok(axum::serve(TcpListener::bind("0.0.0.0:80").await?, app).await?)
}

const NUMBERS: u64 = 40;

fn script(sim: &mut Sim) {
    let acked = sim.ledger::<u64>("acknowledged");
    let found = sim.ledger::<u64>("found by every member");
    let retried = sim.ledger::<u64>("retried");
    let members = sim.nodes("member", 3, |node| must_succeed(member(node)));
    let client = sim.client("client", move |_| async move {
        let client = reqwest::Client::builder().timeout(secs(1)).build()?;
        for number in 0..NUMBERS {
            for attempt in number.. {
                let asked = client.post(format!("http://member-{}/add", attempt % 3)).json(&number).send().await;
                if let Ok(answer) = asked
                    && let Ok(Some(_)) = answer.json::<Option<u64>>().await
                {
                    acked.note(number);
                    break;
                }
                retried.note(number);
                sleep(ms(50)).await;
            }
            sleep(ms(100)).await;
        }
        Ok(())
    });
    sim.verifier("verifier", move |_| async move {
        loop {
            let mut lists: Vec<Vec<u64>> = Vec::new();
            for member in 0..3 {
                lists.push(reqwest::get(format!("http://member-{member}/list")).await?.json().await?);
            }
            let shortest = lists.iter().map(Vec::len).min().unwrap_or_default();
            assert!(lists.iter().all(|list| list[..shortest] == lists[0][..shortest]), "members disagree: {lists:?}");
            if lists.iter().all(|list| list == &lists[0] && (0..NUMBERS).all(|number| list.contains(&number))) {
                lists.swap_remove(0).into_iter().for_each(|number| found.note(number));
                found.complete();
                return Ok(());
            }
            sleep(ms(200)).await;
        }
    });
    sim.faults(members, early(Faults::none().kills().power_losses()));
    sim.faults(members.and(client), early(Faults::none().partitions()));
    sim.nothing_acked_is_lost(acked, found);
    sim.sometimes("a member is killed and restarted", |view| view.restarts() > 0);
    sim.sometimes("a number is retried and appears twice", move |_| !found.has_no_duplicate());
}
