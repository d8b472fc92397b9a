//! The table of workloads: each contender's cost, the ratios, and the targets.
//! Measures nothing.

use crate::OURS;

/// One workload of the table, with the repetitions of each contender in one process: enough for the clock's resolution, few
/// enough for a short run. A contender without repetitions skips the row.
pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) args: &'static [&'static str],
    /// Arguments for our program only.
    pub(crate) args_ours: &'static [&'static str],
    /// Arguments for turmoil only.
    pub(crate) args_turmoil: &'static [&'static str],
    /// The number of units in one of the label's last word.
    pub(crate) per: u64,
    pub(crate) reps: [u64; 3],
    pub(crate) targets: &'static [Target],
}

/// A bound on our cost.
pub(crate) enum Target {
    Ns(f64),
    Madsim(f64),
    Turmoil(f64),
    /// A multiple of our own cost in the row with this label.
    Row(f64, &'static str),
}

type Measured<'a> = (&'a Row, [Option<f64>; 3]);

pub(crate) const WIDTH: usize = 100;

pub(crate) fn print(table: &[Measured<'_>], rounds: usize) {
    println!(
        "CPU time per one of each row's last word; medians of {rounds} processes, interleaved, on one processor.\n"
    );
    line(&["", "", "turmoil", "", "ours /", "ours /", "", ""]);
    line(&["workload", "ours", "1 ms tick", "madsim", "madsim", "turmoil", "target", "met"]);
    println!("{}", "-".repeat(WIDTH));
    for (row, costs) in table {
        let [ours, turmoil, madsim] = *costs;
        let times = |peer: Option<f64>| ratio(ours, peer).map_or("-".into(), |ratio| format!("{ratio:.3}"));
        let shown = [show_ns(ours), show_ns(turmoil), show_ns(madsim), times(madsim), times(turmoil)];
        let mut cells = [&[row.label.to_owned()], &shown[..]].concat();
        let verdicts: Vec<_> = row.targets.iter().map(|target| judge(target, costs, table)).collect();
        for (target, met) in if verdicts.is_empty() { vec![("-".to_owned(), "-")] } else { verdicts } {
            cells.extend([target, met.to_owned()]);
            line(&cells.iter().map(String::as_str).collect::<Vec<_>>());
            // Each further target has a line of its own below the first.
            cells = vec![String::new(); 6];
        }
    }
}

/// 100 columns: 20 + 10 + 10 + 10 + 7 + 8 + 16 + 3, with two between each pair.
fn line(cells: &[&str]) {
    let [workload, ours, turmoil, madsim, by_madsim, by_turmoil, target, met] = cells else {
        panic!("a line of the table has eight cells, not {}", cells.len());
    };
    let figures = format!("{workload:<20}  {ours:>10}  {turmoil:>10}  {madsim:>10}  {by_madsim:>7}  {by_turmoil:>8}");
    println!("{}", format!("{figures}  {target:<16}  {met:<3}").trim_end());
}

fn judge(target: &Target, costs: &[Option<f64>; 3], table: &[Measured<'_>]) -> (String, &'static str) {
    let [_, turmoil, madsim] = *costs;
    let (bound, text) = match target {
        Target::Ns(ns) => (Some(*ns), format!("≤ {}", show_ns(Some(*ns)))),
        Target::Madsim(times) => (madsim.map(|cost| cost * times), format!("≤ {times} madsim")),
        Target::Turmoil(times) => (turmoil.map(|cost| cost * times), format!("≤ {times} turmoil")),
        Target::Row(times, label) => {
            let cost = table.iter().find(|(row, _)| row.label == *label).and_then(|(_, costs)| costs[OURS]);
            (cost.map(|cost| cost * times), format!("≤ {times} at 10 nodes"))
        }
    };
    (text, met(costs[OURS].zip(bound).map(|(ours, bound)| ours <= bound)))
}

pub(crate) fn met(is_met: Option<bool>) -> &'static str {
    match is_met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    }
}

fn ratio(ours: Option<f64>, peer: Option<f64>) -> Option<f64> {
    Some(ours? / peer?)
}

fn show_ns(ns: Option<f64>) -> String {
    match ns {
        None => "-".into(),
        Some(ns) if ns < 10_000.0 => format!("{ns:.0} ns"),
        Some(ns) if ns < 10_000_000.0 => format!("{:.1} µs", ns / 1e3),
        Some(ns) => format!("{:.1} ms", ns / 1e6),
    }
}
