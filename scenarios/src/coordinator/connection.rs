//! A client's connection: receives statements one after the other and answers each with rows, progress and an end (upstream's
//! `TCPHandler`, `HTTPHandler` and `MySQLHandler`, which differ here in what their progress callback captures).
//! It owns its queries and tears them down.

use super::block_io::BlockIo;
use super::build::Build;
use super::error::{Code, QueryError};
use super::mpp_query_coordinator::{Coordinators, MppQueryCoordinator};
use super::output::OutputFrame;
use super::query_context::QueryContext;
use super::rpc::{Progress, QueryKey};
use super::shared_context::SharedContext;
use super::statement::{Request, Select, parse};
use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::net::TcpStream;
use crate::rt::{select, time};
use afterlife_probe::{Registration, always};
use std::io;
use std::sync::Arc;

/// The front end that a client connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// The callback captures the handler, `[this]`, which lives as long as the connection.
    Tcp,
    /// The callback captures a variable of the frame that handles one request, `[&used_output]`.
    Http,
    /// The callback captures a counter of the frame that handles one command, `[&affected_rows]`.
    MySql,
}

/// The reason that a query has no answer.
enum NoAnswer {
    /// The query failed; the client receives the error.
    Failed(QueryError),
    /// The client is gone.
    Gone(io::Error),
}

impl From<QueryError> for NoAnswer {
    fn from(error: QueryError) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// Serves a connection until its client closes it.
pub(super) async fn serve(
    context: Arc<SharedContext>,
    manager: Arc<Coordinators>,
    stream: TcpStream,
    interface: Interface,
) {
    let _ = stream.set_nodelay(true);
    let mut connection = Connection { context, manager, lines: Lines::new(stream), interface };
    // An end in the middle of a packet ends the connection like any other.
    let _ = connection.run().await;
}

struct Connection {
    context: Arc<SharedContext>,
    manager: Arc<Coordinators>,
    lines: Lines,
    interface: Interface,
}

impl Connection {
    async fn run(&mut self) -> io::Result<()> {
        let handler = OutputFrame::new("tcp-handler");
        while let Some(statement) = self.lines.receive::<Statement>().await? {
            match parse(&statement.text) {
                Ok(Request::Select(select)) => {
                    let key = self.context.key(statement.id);
                    match self.interface {
                        Interface::Tcp => self.process_query(&handler, key, select).await?,
                        Interface::Http => self.process_query(&OutputFrame::new("used-output"), key, select).await?,
                        Interface::MySql => self.process_query(&OutputFrame::new("affected-rows"), key, select).await?,
                    }
                }
                Ok(Request::Kill(id)) => {
                    let killed = self.context.process_list().kill(&id);
                    self.lines.send(&Packet::Row(vec![killed.to_string()])).await?;
                    self.lines.send(&Packet::End).await?;
                }
                // The query to cancel has ended in the meantime.
                Ok(Request::Cancel) => {}
                Err(error) => self.lines.send(&Packet::Failed(error.to_string())).await?,
            }
        }
        Ok(())
    }

    /// Runs one query, from its plan to the reset of its state: upstream's `runImpl`.
    async fn process_query(&mut self, output: &OutputFrame, key: QueryKey, select: Select) -> io::Result<()> {
        output.begin(key.start_time);
        let settings = &select.settings;
        let process_list = self.context.process_list();
        let entry = match process_list.insert(&key.query_id, &settings.user, settings.priority) {
            Ok(entry) => entry,
            Err(error) => return self.lines.send(&Packet::Failed(error.to_string())).await,
        };
        // A TCP connection's callback captures state that outlives the query, so a registration says how long the callback
        // may run. The state that the other two capture ends with the query anyway.
        let registration =
            (self.interface == Interface::Tcp).then(|| Arc::new(Registration::new("progress-callback", &key)));
        let context = Arc::new(QueryContext {
            shared: Arc::clone(&self.context),
            progress_callback: output.callback(key.start_time, registration.clone()),
            process_list_element: entry.get_raw(),
            process_list_entry: Arc::downgrade(&entry),
            key,
            select,
        });
        let coordinator = MppQueryCoordinator::new(Arc::clone(&context), Arc::clone(&self.manager));
        let mut io = BlockIo { final_segment: None, coordinator: Some(coordinator), process_list_entry: Some(entry) };
        let answered = self.answer(&context, &mut io, output).await;
        match self.context.config().build {
            Build::Shipped | Build::Patched => {
                log_finish(&io);
                let ended = self.send_end(answered, output).await;
                io.reset();
                if let Some(registration) = registration {
                    registration.deregister();
                }
                ended
            }
            Build::Sound => {
                // From here on no handler has or gets a reference, so the destructors run here, in their order. The client
                // learns of the end after that, so it can use the id again at once.
                if let Some(coordinator) = &io.coordinator {
                    coordinator.retire().await;
                }
                log_finish(&io);
                io.reset();
                if let Some(registration) = registration {
                    registration.deregister();
                }
                self.send_end(answered, output).await
            }
        }
    }

    /// Executes the query and sends its rows.
    async fn answer(&mut self, context: &QueryContext, io: &mut BlockIo, output: &OutputFrame) -> Result<(), NoAnswer> {
        let (Some(coordinator), Some(entry)) = (&io.coordinator, &io.process_list_entry) else { return Ok(()) };
        let final_segment = io.final_segment.insert(coordinator.execute().await?);
        let every = self.context.config().interactive_delay;
        let mut tick = time::interval_at(time::Instant::now() + every, every);
        let mut missing = context.select.limit.unwrap_or(usize::MAX);
        while missing > 0 {
            let pulled = select! {
                pulled = final_segment.next() => pulled,
                received = self.lines.receive::<Statement>() => match received {
                    Ok(Some(next)) if parse(&next.text) == Ok(Request::Cancel) => Err(cancelled("by its client")),
                    Ok(Some(next)) => Err(cancelled(&format!("by its client, which went on with `{}`", next.text))),
                    Ok(None) | Err(_) => {
                        let error = cancelled("because its client is gone");
                        coordinator.query_error(&error);
                        return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
                    }
                },
                _ = tick.tick() => {
                    if entry.get().is_killed() {
                        Err(cancelled("by a kill"))
                    } else {
                        self.send_progress(output).await?;
                        continue;
                    }
                }
            };
            match pulled {
                Ok(Some(rows)) => {
                    for row in rows.into_iter().take(missing) {
                        missing -= 1;
                        self.lines.send(&Packet::Row(row)).await?;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    coordinator.query_error(&error);
                    return Err(coordinator.root_cause(error).await.into());
                }
            }
        }
        if missing == 0 {
            final_segment.finish_early();
        }
        coordinator.query_done();
        Ok(())
    }

    async fn send_progress(&mut self, output: &OutputFrame) -> io::Result<()> {
        let unsent = output.take_unsent();
        // MySQL's protocol has no packet for progress; it is part of the answer's end.
        if unsent.rows > 0 && self.interface != Interface::MySql {
            self.lines.send(&Packet::Progress(unsent.rows)).await?;
        }
        Ok(())
    }

    async fn send_end(&mut self, answered: Result<(), NoAnswer>, output: &OutputFrame) -> io::Result<()> {
        match answered {
            Ok(()) => {
                self.send_progress(output).await?;
                self.lines.send(&Packet::End).await
            }
            Err(NoAnswer::Failed(error)) => self.lines.send(&Packet::Failed(error.to_string())).await,
            Err(NoAnswer::Gone(error)) => Err(error),
        }
    }
}

/// Checks what goes into the query log: the query has counted all progress that workers reported before its end, and no more.
fn log_finish(io: &BlockIo) {
    if let (Some(coordinator), Some(entry)) = (&io.coordinator, &io.process_list_entry) {
        let due = coordinator.progress_due();
        let counted = entry.get().progress_in();
        let missing = due.since(counted);
        // Reports that have arrived since then may be counted already.
        let excess = counted.since(coordinator.progress_accepted());
        always!(missing == Progress::default(), "all progress reported for a query is counted by its end");
        always!(excess == Progress::default(), "a query counts only progress that its workers reported");
    }
}

fn cancelled(how: &str) -> QueryError {
    QueryError::new(Code::QueryWasCancelled, format!("the query was cancelled {how}"))
}
