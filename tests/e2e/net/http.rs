//! axum and reqwest, unmodified from crates.io, on two nodes, with graceful stops and restarts under load.
//! None of this code knows that it is simulated.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Faults, Sim};
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_graceful_stop_fails_no_accepted_request: 100,
        a_service_comes_back_under_load: 100,
        no_number_is_given_out_twice: 100,
        a_client_times_out_on_a_silent_server: 20,
    ])
}

fn a_graceful_stop_fails_no_accepted_request(sim: &mut Sim) {
    let server = sim.node("server", |node| async move {
        let slow = || async {
            sleep(Duration::from_millis(300)).await;
            "done"
        };
        let listener = TcpListener::bind("0.0.0.0:8080").await?;
        axum::serve(listener, Router::new().route("/", get(slow))).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    sim.client("client", |_| async {
        for _ in 0..30 {
            // Each request has its own connection: on any network a pooled one may be closed under the request.
            if let Err(error) = reqwest::Client::new().get("http://server:8080/").send().await {
                assert!(error.is_connect(), "it was taken and failed: {error:?}");
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    sim.faults(server, Faults::none().stops(secs(5)).quiet_after(secs(9)));
    sim.sometimes("the server restarts", |view| view.restarts() > 0);
}

/// A service's description of itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct About {
    node: String,
    incarnation: u16,
    counted: u64,
}

fn a_service_comes_back_under_load(sim: &mut Sim) {
    let answered = sim.ledger::<(u16, u64)>("answers, by incarnation");
    let refused = sim.ledger::<String>("refused");
    let jobs = sim.ledger::<u64>("jobs that ran");
    let server = sim.node("server", move |node| async move {
        let counter = Arc::new(AtomicU64::new(0));
        let about = move |State(counter): State<Arc<AtomicU64>>| async move {
            let counted = counter.fetch_add(1, Ordering::Relaxed);
            Json(About { node: node.name().to_owned(), incarnation: node.incarnation(), counted })
        };
        let job = move |Path(number): Path<u64>, body: String| async move {
            sleep(Duration::from_millis(number % 40)).await;
            jobs.note(number);
            body.to_uppercase()
        };
        let app = Router::new().route("/about", get(about)).route("/job/{number}", post(job)).with_state(counter);
        axum::serve(TcpListener::bind("0.0.0.0:8080").await?, app).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    sim.workers(server, 2);
    for index in 0..3_u64 {
        sim.client(&format!("client-{index}"), move |_| async move {
            let client = reqwest::Client::builder().timeout(secs(2)).build()?;
            for round in 0..40 {
                let number = index * 1_000 + round;
                match client.post(format!("http://server:8080/job/{number}")).body("x".repeat(2_000)).send().await {
                    Ok(answer) => {
                        assert_eq!(answer.text().await?, "X".repeat(2_000));
                        assert!(jobs.contains(&number), "{number} was answered and did not run");
                    }
                    Err(error) if error.is_connect() => {
                        assert!(!jobs.contains(&number), "{number} was refused and ran");
                        refused.note(format!("{number}"));
                    }
                    Err(_) => {}
                }
                if let Ok(answer) = client.get("http://server:8080/about").send().await {
                    let about: About = answer.error_for_status()?.json().await?;
                    assert_eq!(about.node, "server");
                    answered.note((about.incarnation, about.counted));
                }
                sleep(Duration::from_millis(200)).await;
            }
            Ok(())
        });
    }
    sim.faults(server, Faults::lifecycle().starting_at(secs(1)).quiet_after(secs(8)));
    sim.always("no incarnation counts twice", move |_| answered.has_no_duplicate());
    sim.always("no job runs twice", move |_| jobs.has_no_duplicate());
    sim.sometimes("a connection is refused", move |_| !refused.is_empty());
    sim.sometimes("a second incarnation answers", move |_| answered.contains(&(2, 0)));
}

// Twenty-five lines, with stock std, axum and reqwest.
/// The counter never gives out an acknowledged number again, whatever faults strike it.
fn no_number_is_given_out_twice(sim: &mut Sim) {
    let counter = sim.node("counter", |node| async move {
        let last = std::fs::read_to_string("/last").unwrap_or("0".into()).parse::<u64>()?; // stock std::fs
        let last = Arc::new(Mutex::new(last));
        let next = || async move {
            let mut last = last.lock().unwrap();
            *last += 1;
            std::fs::write("/new", last.to_string()).and_then(|()| std::fs::rename("/new", "/last")).unwrap();
            last.to_string()
        };
        let app = Router::new().route("/next", get(next)); // stock axum
        axum::serve(TcpListener::bind("0.0.0.0:80").await?, app).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    let given = sim.ledger::<String>("given");
    sim.client("client", move |_| async move {
        for _ in 0..50 {
            let Ok(answer) = reqwest::get("http://counter/next").await else { continue }; // stock reqwest
            given.note(answer.text().await?);
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    sim.faults(counter, Faults::lifecycle());
    sim.always("no number is given out twice", move |_| given.has_no_duplicate());
}

fn a_client_times_out_on_a_silent_server(sim: &mut Sim) {
    sim.node("server", |_| async {
        let never = || async { std::future::pending::<&str>().await };
        axum::serve(TcpListener::bind("0.0.0.0:8080").await?, Router::new().route("/", get(never))).await?;
        Ok(())
    });
    sim.client("client", |_| async {
        sleep(secs(1)).await;
        let client = reqwest::Client::builder().timeout(secs(7)).build()?;
        let begun = tokio::time::Instant::now();
        let error = client.get("http://server:8080/").send().await.expect_err("it never answers");
        assert!(error.is_timeout(), "{error:?}");
        assert!((secs(7)..secs(8)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        let slow = timeout(secs(3), reqwest::get("http://server:8080/")).await;
        assert!(slow.is_err());
        Ok(())
    });
}
