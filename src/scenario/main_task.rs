//! Follows the main future of a node, which is not a task: reports its wakes and polls to the simulation. It changes no wake and no
//! poll.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tokio::runtime::Builder;

/// Lets the simulation find the task tables of this program's tokio, by a task that inspects itself. Without them, the causes of
/// events are coarser.
pub(crate) fn begin() {
    let Ok(runtime) = Builder::new_current_thread().build() else { return };
    let look = poll_fn(|context| {
        afterlife_sim::follow_tasks(context.waker());
        Poll::Ready(())
    });
    let _ended = runtime.block_on(async { tokio::spawn(look).await });
}

/// The main future of a node, with its polls and wakes reported.
pub(crate) async fn main<T>(service: impl Future<Output = T>) -> T {
    if !afterlife_sim::follows_tasks() {
        return service.await;
    }
    let mut service = pin!(service);
    let mut reporting: Option<(usize, (usize, Waker))> = None;
    poll_fn(|context| {
        let of = context.waker().data().addr();
        // Not `will_wake`: a waker and its clone may have two copies of one table, depending on the optimiser.
        if reporting.as_ref().is_none_or(|(known, _)| *known != of) {
            reporting = Some((of, afterlife_sim::main_waker(context.waker())));
        }
        let Some((_, (key, waker))) = &reporting else { unreachable!("the waker was just made") };
        afterlife_sim::poll_main(*key, || service.as_mut().poll(&mut Context::from_waker(waker)))
    })
    .await
}
