//! The measurements of the project's goals, in one table: `make bench`, or `scripts/bench --quick` for a first look.
//!
//! Ratios count, not seconds: each reference is measured in the same run, so a slow machine slows it as well. Sizes
//! and memory are absolute.

#![expect(clippy::print_stdout, reason = "a report is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends")]

// One table of misbehaviour for tests and measurements.
#[path = "../../src/providers/tests/behaviours.rs"]
mod behaviours;
mod checks;
mod decision;
mod hostile;
mod http;
mod ledger;
mod lighthouse;
mod neighbours;
mod pages;
mod program;
mod seed;
mod slow;
mod start;
mod vault;

use std::time::Duration;

use zeroizing_alloc::ZeroAlloc;

/// The allocator of the program, whose cost belongs to what is measured.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<mimalloc::MiMalloc> = ZeroAlloc(mimalloc::MiMalloc);

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    quick: bool,
}

impl Effort {
    /// One of two numbers.
    fn or<T>(self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}

/// One row of the report.
struct Row {
    what: String,
    measured: String,
    reference: String,
    ratio: String,
    goal: &'static str,
    /// Nothing where it could not be measured; `measured` says what is missing.
    met: Option<bool>,
}

impl Row {
    /// A figure that is compared with nothing.
    fn absolute(what: impl Into<String>, measured: String, goal: &'static str, met: bool) -> Self {
        Self {
            what: what.into(),
            measured,
            reference: String::new(),
            ratio: String::new(),
            goal,
            met: Some(met),
        }
    }

    fn not_measured(what: impl Into<String>, why: impl Into<String>, goal: &'static str) -> Self {
        Self { met: None, ..Self::absolute(what, format!("not measured: {}", why.into()), goal, false) }
    }

    fn print(&self) {
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "–",
        };
        let Self { what, measured, reference, ratio, goal, .. } = self;
        println!("| {what} | {measured} | {reference} | {ratio} | {goal} | {met} |");
    }
}

fn main() {
    // As the program does it.
    keyward::process::give_memory_back();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if runtime.block_on(hostile::serve(&arguments)).is_some() {
        return;
    }
    if arguments.iter().any(|argument| argument == slow::SERVERS) {
        return runtime.block_on(slow::serve([Duration::from_secs(5), Duration::from_millis(10)]));
    }
    if arguments.iter().any(|argument| argument == slow::AT_ONCE) {
        return runtime.block_on(slow::serve([Duration::ZERO; 2]));
    }
    // A part by its name, `cargo bench --features ssr -- decision`; all of them without one.
    let named: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|part| *part == name);
    let effort = Effort { quick: arguments.iter().any(|argument| argument == "--quick") };

    let mut rows = Vec::new();
    if wanted("vault") {
        rows.extend(vault::rows(effort));
    }
    if wanted("decision") {
        rows.extend(runtime.block_on(decision::rows(effort)));
    }
    if wanted("checks") {
        rows.extend(runtime.block_on(checks::rows(effort)));
    }
    if wanted("ledger") {
        rows.extend(runtime.block_on(ledger::rows(effort)));
    }
    if wanted("start") {
        rows.extend(runtime.block_on(start::rows(effort)));
    }
    if wanted("pages") {
        rows.extend(runtime.block_on(pages::rows(effort)));
    }
    if wanted("hostile") {
        rows.extend(runtime.block_on(hostile::rows()));
    }
    if wanted("slow") {
        rows.extend(runtime.block_on(slow::rows(effort)));
    }
    println!("\n| what | measured | reference | ratio | goal | |");
    println!("| --- | --- | --- | --- | --- | --- |");
    rows.iter().for_each(Row::print);
    if effort.quick {
        println!("\nMeasured in a hurry, with smaller numbers: a first look, no verdict.");
    }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The smallest value that `percent` of all do not exceed.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent).div_ceil(100).saturating_sub(1)]
}

/// What a process holds in memory, in megabytes.
fn resident_megabytes(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1e3
}
