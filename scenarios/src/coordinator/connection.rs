//! A client's connection: statements in, one after the other, and rows, progress and an end out for each: upstream's
//! `TCPHandler`, `HTTPHandler` and `MySQLHandler`, which differ here in what their progress callback captures.
//! It owns its queries: what belongs to one is torn down here.

use super::block_io::BlockIo;
use super::build::Build;
use super::error::{Code, QueryError};
use super::mpp_query_coordinator::MppQueryCoordinator;
use super::output::OutputFrame;
use super::query_context::QueryContext;
use super::rpc::{Progress, QueryKey};
use super::server::Server;
use super::statement::{Request, Select, parse};
use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::net::TcpStream;
use crate::rt::{select, time};
use afterlife_probe::{Registration, always};
use std::io;
use std::sync::Arc;

/// Through which front end a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    /// The callback captures the handler, `[this]`: it lives as long as the connection.
    Tcp,
    /// The callback captures a variable of the frame that handles one request, `[&used_output]`.
    Http,
    /// The callback captures a counter of the frame that handles one command, `[&affected_rows]`.
    MySql,
}

/// Why a query has no answer.
enum NoAnswer {
    /// The client is told.
    Failed(QueryError),
    /// There is nobody to tell any more.
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
pub(super) async fn serve(server: Arc<Server>, stream: TcpStream, interface: Interface) {
    let _ = stream.set_nodelay(true);
    let mut connection = Connection { server, lines: Lines::new(stream), interface };
    // An end in the middle of a packet is an end like any other.
    let _ = connection.run().await;
}

struct Connection {
    server: Arc<Server>,
    lines: Lines,
    interface: Interface,
}

impl Connection {
    async fn run(&mut self) -> io::Result<()> {
        let handler = OutputFrame::new("tcp-handler");
        while let Some(statement) = self.lines.receive::<Statement>().await? {
            match parse(&statement.text) {
                Ok(Request::Select(select)) => {
                    let key = self.server.key(statement.id);
                    match self.interface {
                        Interface::Tcp => self.process_query(&handler, key, select).await?,
                        Interface::Http => self.process_query(&OutputFrame::new("used-output"), key, select).await?,
                        Interface::MySql => self.process_query(&OutputFrame::new("affected-rows"), key, select).await?,
                    }
                }
                Ok(Request::Kill(id)) => {
                    let killed = self.server.process_list.kill(&id);
                    self.lines.send(&Packet::Row(vec![killed.to_string()])).await?;
                    self.lines.send(&Packet::End).await?;
                }
                // What it was to cancel has ended meanwhile.
                Ok(Request::Cancel) => {}
                Err(error) => self.lines.send(&Packet::Failed(error.to_string())).await?,
            }
        }
        Ok(())
    }

    /// `runImpl` for one query, from its plan to the reset of its state.
    async fn process_query(&mut self, output: &OutputFrame, key: QueryKey, select: Select) -> io::Result<()> {
        output.begin(key.start_time);
        let settings = &select.settings;
        let process_list = &self.server.process_list;
        let entry = match process_list.insert(&key.query_id, &settings.user, settings.priority) {
            Ok(entry) => entry,
            Err(error) => return self.lines.send(&Packet::Failed(error.to_string())).await,
        };
        // What a TCP connection's callback captures outlives the query, so somebody must say how long it may be called. What
        // the other two capture ends with the query anyway.
        let registration =
            (self.interface == Interface::Tcp).then(|| Arc::new(Registration::new("progress-callback", &key)));
        let context = Arc::new(QueryContext {
            server: Arc::clone(&self.server),
            progress_callback: output.callback(key.start_time, registration.clone()),
            process_list_element: entry.get_raw(),
            process_list_entry: Arc::downgrade(&entry),
            key,
            select,
        });
        let coordinator = MppQueryCoordinator::new(Arc::clone(&context));
        let mut io = BlockIo { final_segment: None, coordinator: Some(coordinator), process_list_entry: Some(entry) };
        let answered = self.answer(&context, &mut io, output).await;
        match self.server.config.build {
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
                // From here on no handler has or gets a reference, so the destructors run here, in their order; and the
                // client hears of the end when nothing is left, so that it can use the id again at once.
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
        let every = self.server.config.interactive_delay;
        let mut tick = time::interval_at(time::Instant::now() + every, every);
        let mut missing = context.select.limit.unwrap_or(usize::MAX);
        while missing > 0 {
            let pulled = select! {
                pulled = final_segment.next() => pulled,
                said = self.lines.receive::<Statement>() => match said {
                    Ok(Some(said)) if parse(&said.text) == Ok(Request::Cancel) => Err(cancelled("by its client")),
                    Ok(Some(said)) => Err(cancelled(&format!("by its client, which went on with `{}`", said.text))),
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
        // MySQL's protocol has no packet for it: it counts for the answer's end.
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

/// What goes into the query log: all that the workers had told of a query by its end has been counted for it, and no more.
fn log_finish(io: &BlockIo) {
    if let (Some(coordinator), Some(entry)) = (&io.coordinator, &io.process_list_entry) {
        let told = coordinator.told();
        let counted = entry.get().progress_in();
        let missing = told.since(counted);
        // More may have been told, and counted, since the first look, or just now.
        let twice = counted.since(coordinator.begun());
        always!(missing == Progress::default(), "what the workers have told of a query has been counted at its end");
        always!(twice == Progress::default(), "nothing is counted for a query but what its workers have told");
    }
}

fn cancelled(how: &str) -> QueryError {
    QueryError::new(Code::QueryWasCancelled, format!("the query was cancelled {how}"))
}
