//! The admin thread: accepts admin sessions and collects statistics (upstream's `admin_main_loop`).
//! It serves no session; a detached child does.

use super::accept_loop::AcceptLoop;
use super::admin::{Admin, AdminGlobals, collect_statistics};
use super::admin_session;
use super::config::ADMIN_POLL;
use super::session::is_checked;
use super::threads;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The interval at which main polls for the start of the admin thread: upstream's `usleep(50)`.
const UNTIL_LOADED: Duration = Duration::from_micros(50);

/// Starts the admin thread and waits until it runs.
pub(super) fn start(globals: &AdminGlobals, admin: &Admin) -> io::Result<()> {
    let listener = AcceptLoop::bind(&globals.process.config().admin_listen)?;
    let load_main = Arc::new(AtomicBool::new(false));
    let (globals, loaded) = (globals.clone(), Arc::clone(&load_main));
    let thread = threads::create("admin", move || admin_main_loop(&globals, listener, &loaded));
    admin.keep_admin_thread(thread);
    while !load_main.load(Ordering::SeqCst) {
        thread::sleep(UNTIL_LOADED);
    }
    Ok(())
}

/// Polls the listener, makes a detached child for the result of `accept`, and collects statistics.
fn admin_main_loop(globals: &AdminGlobals, mut listener: AcceptLoop, load_main: &AtomicBool) {
    let process = &globals.process;
    let checks = is_checked(process.config().build, false);
    load_main.store(true, Ordering::SeqCst);
    while !process.vars().shutdown() {
        if listener.poll(ADMIN_POLL) {
            let client = listener.accept();
            if checks && client.is_err() {
                // The pending connection is reported again at once. Without a pause this would spin until a descriptor is free.
                thread::sleep(ADMIN_POLL);
            } else if !(process.is_sound() && globals.admin.get(format_args!("admin thread")).is_full()) {
                let stream =
                    client.as_ref().ok().filter(|_| process.is_sound()).and_then(|stream| stream.try_clone().ok());
                let globals = globals.clone();
                process.detached().create("admin-child", stream, move || admin_session::child_mysql(&globals, client));
            }
        }
        collect_statistics(globals, format_args!("admin thread"));
    }
}
