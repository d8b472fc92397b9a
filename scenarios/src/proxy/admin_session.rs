//! Admin sessions: `child_mysql`, a thread for each connection, and the commands that it accepts.
//! The cluster's peers connect here as well.

use super::accept_loop::Accepted;
use super::admin::{AdminGlobals, collect_statistics};
use super::checksums::{MODULES, now_s};
use super::config::ADMIN_REFRESH;
use super::session::{MySqlThread, is_timeout};
use super::sqlite::Row;
use crate::line_protocol::Statement;

/// `child_mysql`: the thread of one admin connection.
pub(super) fn child_mysql(globals: &AdminGlobals, client: Accepted) {
    let process = &globals.process;
    if globals.mth.is_null() {
        return; // main is in phase 2
    }
    // `GloMTH->get_variable("server_capabilities")`.
    let _variables = globals.mth.get(format_args!("admin session"));
    let thread = MySqlThread::default();
    let Some(mut session) = thread.create_new_session_and_client_data_stream(process, client) else { return };
    if session.stream().set_read_timeout(Some(ADMIN_REFRESH)).is_err() {
        return;
    }
    if process.is_sound() {
        globals.admin.get(format_args!("admin session")).session_begins();
    }
    while !process.vars().shutdown() {
        match session.receive::<Statement>() {
            Ok(Some(statement)) => {
                process.debug("admin", format_args!("received command {}", statement.text));
                let answer = handler(globals, &statement.text);
                if session.answer(answer).is_err() {
                    break;
                }
            }
            Err(error) if is_timeout(&error) => {}
            Ok(None) | Err(_) => break,
        }
    }
    if process.is_sound() {
        globals.admin.get(format_args!("admin session")).session_ends();
    }
    process.debug("admin", format_args!("session closed"));
}

/// `admin_session_handler`: runs one command at a time, however long another session's takes.
fn handler(globals: &AdminGlobals, text: &str) -> Result<Vec<Row>, String> {
    let process = &globals.process;
    let by = format_args!("admin session");
    let pa = globals.admin.get(by);
    let _one = pa.lock_commands();
    // `pa->…` once more, after however long the wait for the lock took.
    let admin = globals.admin.get(by);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["PROXYSQL", "SHUTDOWN", "SLOW"] => process.vars().stop(),
        ["PROXYSQL", "RESTART"] => process.vars().restart(),
        ["PROXYSQL", "SHUTDOWN"] => process.exit(0),
        ["SELECT", "*", "FROM", "runtime_checksums_values"] => return Ok(admin.checksums().rows()),
        ["SELECT", "*", "FROM", "stats_mysql_global"] => {
            collect_statistics(globals, by);
            let row = |(name, value): (String, u64)| vec![name, value.to_string()];
            return Ok(admin.status().into_iter().map(row).collect());
        }
        // `flush_mysql_variables___runtime_to_database`, which does not check that the handler exists either.
        ["SELECT", "*", "FROM", "runtime_global_variables"] => {
            return Ok(vec![vec!["mysql".to_owned(), globals.mth.get(by).version().to_string()]]);
        }
        ["SELECT", "*", "FROM", table] => return Ok(admin.admindb().select(by, table)),
        ["REPLACE", "INTO", table, ref cells @ ..] => {
            let row = cells.iter().map(|cell| (*cell).to_owned()).collect();
            admin.admindb().replace(by, module(table)?, vec![row]);
        }
        ["LOAD", table, "TO", "RUNTIME"] => {
            let table = module(table)?;
            let rows = admin.admindb().select(by, table);
            admin.load_to_runtime(globals, table, &rows, now_s(), by);
        }
        ["SAVE", table, "TO", "DISK"] => {
            admin.save_to_disk(by, module(table)?).map_err(|error| error.to_string())?;
        }
        ["SET", "admin-web_enabled", on] => admin.enable_web(on == "true"),
        _ => return Err("near \"\": syntax error".to_owned()),
    }
    Ok(Vec::new())
}

/// Returns the module of this name.
fn module(table: &str) -> Result<&'static str, String> {
    MODULES.into_iter().find(|module| *module == table).ok_or_else(|| format!("no such table: {table}"))
}
