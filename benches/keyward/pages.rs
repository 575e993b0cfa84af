//! What a browser loads at first, as it travels: precompressed with brotli.

use std::path::PathBuf;

use crate::Row;

pub(crate) fn rows() -> Vec<Row> {
    let site =
        std::env::var_os("KEYWARD_BENCH_SITE").map_or_else(|| PathBuf::from("target/site"), PathBuf::from);
    let size = |name: &str| std::fs::metadata(site.join("pkg").join(name)).map(|file| file.len()).ok();
    let files = ["keyward.wasm.br", "keyward.js.br", "keyward.css.br"];
    let sizes: Option<Vec<u64>> = files.iter().map(|name| size(name)).collect();
    let Some(sizes) = sizes else {
        println!("No release build in {}: run `make build` first to measure the first load.", site.display());
        return Vec::new();
    };
    let kilobytes = sizes.iter().sum::<u64>() / 1000;
    vec![Row {
        what: "first load of the settings page: WebAssembly, script and style, brotli".into(),
        measured: format!("{kilobytes} kB"),
        reference: "a bare hydrated Leptos page: 136 kB".into(),
        bar: "≤ 250 kB with the page",
        reached: kilobytes <= 240,
    }]
}
