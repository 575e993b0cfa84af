//! The measurements, each beside a reference of the same run: `make bench`.
//!
//! Ratios count, not seconds: a slow machine slows the reference as well. Sizes and memory are absolute.

#![expect(clippy::print_stdout, reason = "a report is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made ends")]

mod decision;
mod pages;
mod process;
mod vault;

use zeroizing_alloc::ZeroAlloc;

/// The allocator of the program, whose cost belongs to what is measured.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<mimalloc::MiMalloc> = ZeroAlloc(mimalloc::MiMalloc);

/// One row of the report.
struct Row {
    what: String,
    measured: String,
    reference: String,
    bar: &'static str,
    reached: bool,
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut rows = vault::rows();
    rows.extend(runtime.block_on(decision::rows()));
    rows.extend(runtime.block_on(process::rows()));
    rows.extend(pages::rows());
    println!("\n| what | measured | reference | bar | reached |");
    println!("| --- | --- | --- | --- | --- |");
    for Row { what, measured, reference, bar, reached } in &rows {
        println!("| {what} | {measured} | {reference} | {bar} | {} |", if *reached { "yes" } else { "NO" });
    }
}
