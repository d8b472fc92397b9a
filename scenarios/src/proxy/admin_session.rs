//! Admin sessions: `child_mysql`, a thread for each connection, and what may be asked there.
//! Peers of the cluster come here as well.

use super::accept_loop::Accepted;
use super::admin::{Admin, collect_statistics};
use super::checksums::{MODULES, now_s};
use super::config::ADMIN_REFRESH;
use super::extra_server::is_timeout;
use super::glo::Glo;
use super::session::MySqlThread;
use super::sqlite::Row;
use crate::line_protocol::Statement;
use std::fmt::Arguments;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// `child_mysql`: the thread of one admin connection.
pub(super) fn child_mysql(glo: &Arc<Glo>, client: Accepted) {
    if glo.mth.is_null() {
        return; // main is in phase 2
    }
    // `GloMTH->get_variable("server_capabilities")`.
    let _variables = glo.mth.get(format_args!("admin session"));
    let thread = MySqlThread::default();
    let Some(mut session) = thread.create_new_session_and_client_data_stream(glo, client) else { return };
    if session.stream().set_read_timeout(Some(ADMIN_REFRESH)).is_err() {
        return;
    }
    count(glo, true);
    while !glo.vars.shutdown() {
        match session.receive::<Statement>() {
            Ok(Some(statement)) => {
                glo.debug("admin", format_args!("received command {}", statement.text));
                let answer = handler(glo, &statement.text);
                if session.answer(answer).is_err() {
                    break;
                }
            }
            Err(error) if is_timeout(&error) => {}
            Ok(None) | Err(_) => break,
        }
    }
    if glo.is_sound() {
        count(glo, false);
    }
    glo.debug("admin", format_args!("session closed"));
}

/// Only the sound build limits them, and so counts them.
fn count(glo: &Arc<Glo>, begins: bool) {
    if glo.is_sound() {
        let sessions = &glo.admin.get(format_args!("admin session")).sessions;
        if begins {
            sessions.fetch_add(1, Ordering::SeqCst);
        } else {
            sessions.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// `admin_session_handler`: one command, and one at a time, however long another's takes.
fn handler(glo: &Arc<Glo>, text: &str) -> Result<Vec<Row>, String> {
    let by = format_args!("admin session");
    let pa = glo.admin.get(by);
    let _one = pa.sql_query_global.lock().unwrap_or_else(PoisonError::into_inner);
    // `pa->…`, as before, and after however long that was.
    let admin = glo.admin.get(by);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["PROXYSQL", "SHUTDOWN", "SLOW"] => glo.vars.stop(),
        ["PROXYSQL", "RESTART"] => glo.vars.restart(),
        ["PROXYSQL", "SHUTDOWN"] => glo.exit(0),
        ["SELECT", "*", "FROM", "runtime_checksums_values"] => return Ok(admin.checksums.rows()),
        ["SELECT", "*", "FROM", "stats_mysql_global"] => {
            collect_statistics(glo, by);
            let row = |(name, value): (String, u64)| vec![name, value.to_string()];
            return Ok(admin.status().into_iter().map(row).collect());
        }
        // `flush_mysql_variables___runtime_to_database`: here, too, nobody asks whether it is there.
        ["SELECT", "*", "FROM", "runtime_global_variables"] => {
            return Ok(vec![vec!["mysql".to_owned(), glo.mth.get(by).version().to_string()]]);
        }
        ["SELECT", "*", "FROM", table] => return Ok(admin.admindb.select(by, table)),
        ["REPLACE", "INTO", table, ref cells @ ..] => {
            let row = cells.iter().map(|cell| (*cell).to_owned()).collect();
            admin.admindb.replace(by, module(table)?, vec![row]);
        }
        ["LOAD", table, "TO", "RUNTIME"] => {
            let table = module(table)?;
            let rows = admin.admindb.select(by, table);
            load_to_runtime(glo, &admin, table, &rows, now_s(), by);
        }
        ["SAVE", table, "TO", "DISK"] => {
            admin.save_to_disk(by, module(table)?).map_err(|error| error.to_string())?;
        }
        ["SET", "admin-web_enabled", on] => admin.web_enabled.store(on == "true", Ordering::SeqCst),
        _ => return Err("near \"\": syntax error".to_owned()),
    }
    Ok(Vec::new())
}

/// `LOAD … TO RUNTIME`, of a session or of a thread that has pulled these rows. For MySQL's variables that is a matter of the
/// worker threads' handler, and for servers one of the hostgroups manager, about which nobody asks whether they are there; for admin's it is also what starts and stops the HTTP
/// daemon.
pub(super) fn load_to_runtime(
    glo: &Arc<Glo>,
    admin: &Admin,
    module: &'static str,
    rows: &[Row],
    epoch_s: u64,
    by: Arguments<'_>,
) {
    admin.checksums.loaded(module, rows, epoch_s);
    match module {
        "admin_variables" => admin.load_http_server(glo),
        "mysql_variables" => glo.mth.get(by).commit(),
        "mysql_servers" => {
            let _servers = admin.mysql_servers.lock();
            glo.my_hgm.get(by).commit();
        }
        _ => {}
    }
}

/// The module of this name.
fn module(table: &str) -> Result<&'static str, String> {
    MODULES.into_iter().find(|module| *module == table).ok_or_else(|| format!("no such table: {table}"))
}
