//! Skeleton smoke.
use afterlife_sim::*;
use std::sync::Arc;
use std::sync::atomic::*;
use std::time::*;
use tokio::io::*;
use tokio::net::*;

struct Nothing;
impl Observer for Nothing {
    fn wants(&self, _: &event::What) -> bool { false }
    fn event(&mut self, _: &event::Event, _: &mut Room<'_>) {}
    fn alarm(&mut self, _: u64, _: &mut Room<'_>) {}
    fn quiescent(&mut self, _: &mut Room<'_>) {}
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> { self }
}
static DONE: AtomicU64 = AtomicU64::new(0);
const N: usize = 8;
async fn w2(i: usize) {
    let l = TcpListener::bind("0.0.0.0:9001").await.unwrap();
    tokio::spawn(async move {
        loop {
            let (mut s, _) = l.accept().await.unwrap();
            tokio::spawn(async move {
                let mut b = [0u8; 64];
                while s.read_exact(&mut b).await.is_ok() {
                    s.write_all(&b).await.unwrap();
                }
            });
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut c = vec![];
    for k in 1..N {
        c.push(TcpStream::connect(format!("10.0.0.{}:9001", (i + k) % N + 1)).await.unwrap());
    }
    let b = [7u8; 64];
    let mut r = [0u8; 64];
    let mut x = i as u64 + 1;
    for _ in 0..1000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        let s = &mut c[(x % 7) as usize];
        s.write_all(&b).await.unwrap();
        s.read_exact(&mut r).await.unwrap();
        DONE.fetch_add(1, Ordering::Relaxed);
    }
    std::future::pending::<()>().await;
}
async fn w3(i: usize) {
    let l = TcpListener::bind("0.0.0.0:9001").await.unwrap();
    tokio::spawn(async move {
        let (mut s, _) = l.accept().await.unwrap();
        let mut b = [0u8; 64];
        while s.read_exact(&mut b).await.is_ok() {
            DONE.fetch_add(1, Ordering::Relaxed);
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut s = TcpStream::connect(format!("node-{}:9001", (i + 1) % N)).await.unwrap();
    let mut iv = tokio::time::interval(Duration::from_millis(100));
    loop {
        iv.tick().await;
        s.write_all(&[1u8; 64]).await.unwrap();
    }
}
async fn mt(i: usize) {
    let l = TcpListener::bind("0.0.0.0:9001").await.unwrap();
    tokio::spawn(async move {
        loop {
            let (mut s, _) = l.accept().await.unwrap();
            tokio::spawn(async move {
                let mut b = [0u8; 64];
                while s.read_exact(&mut b).await.is_ok() {
                    let v = tokio::task::spawn_blocking(move || { std::thread::sleep(Duration::from_millis(5)); b }).await.unwrap();
                    s.write_all(&v).await.unwrap();
                }
            });
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut c = TcpStream::connect(format!("node-{}:9001", (i + 1) % N)).await.unwrap();
    for _ in 0..50 {
        let mut r = [0u8; 64];
        c.write_all(&[3u8; 64]).await.unwrap();
        c.read_exact(&mut r).await.unwrap();
        DONE.fetch_add(1, Ordering::Relaxed);
    }
    std::future::pending::<()>().await;
}
fn one(seed: u64, which: &'static str, end_s: u64, record: bool) -> Vec<u8> {
    let machines = (0..N).map(|i| Machine { name: format!("node-{i}"), start_ns: 0, main: Arc::new(move |_| {
        let rt = if which == "mt" { tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build() } else { tokio::runtime::Builder::new_current_thread().enable_all().build() }.unwrap();
        rt.block_on(async { match which { "w2" => w2(i).await, "w3" => w3(i).await, "mt" => mt(i).await, _ => std::future::pending().await } });
        ExitCode::Code(0)
    })}).collect();
    let latency = Latency { low_ns: 1_000_000, high_ns: 10_000_000 };
    let out = run(Settings { seed, end_ns: end_s * 1_000_000_000, record, latency, ..Settings::default() }, machines, Box::new(Nothing));
    if std::env::args().nth(2).is_some() { for e in &out.kept.as_ref().unwrap().events { println!("{} {} n{} t{} c{} {:?}", e.seq.0, e.time_ns, e.node.0, e.thread, e.cause.0 as i64, e.what); } }
    format!("{which} done {} ending {:?} digest {} events {} switches {} virtual {} ms kept {}", DONE.load(Ordering::Relaxed), out.ending, out.digest, out.events, out.switches, out.virtual_ns / 1_000_000, out.kept.map_or(0, |k| k.events.len())).into_bytes()
}
fn cpu() -> f64 {
    unsafe {
        let mut r: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut r);
        (r.ru_utime.tv_sec + r.ru_stime.tv_sec) as f64 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) as f64 / 1e6
    }
}
fn main() {
    drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
    if std::env::args().nth(1).is_some() { std::thread::spawn(|| println!("{}", String::from_utf8_lossy(&one(0, "w2", 3600, true)))).join().unwrap(); return; }
    isolate::fix_addresses().unwrap();
    for (which, end, per, reps) in [("w2", 3600, 8000.0, 6), ("w3", 600, 48000.0, 6), ("mt", 60, 400.0, 6), ("idle", 0, 8.0, 200)] {
        for record in [false, true] {
            let c = cpu();
            for s in 0..reps {
                let end = isolate::in_child(Duration::from_secs(10), || one(s % 2, which, end, record)).unwrap();
                if s < 4 && reps < 100 && !record || end.how != isolate::How::Exited(0) { println!("{:?} {:?} {} {}", end.how, end.node, end.message, String::from_utf8_lossy(&end.output)); }
            }
            let d = cpu() - c;
            println!("{which} record={record}: {:.3} ms per run, {:.0} ns per unit", d / reps as f64 * 1e3, d / reps as f64 * 1e9 / per);
        }
    }
}
