//! What a browser loads at first, as it travels, and what Lighthouse thinks of the page.

use std::{collections::BTreeSet, path::PathBuf};

use crate::{
    Effort, Row, http, lighthouse,
    program::Program,
    seed::{Engine, Seeded},
};

const PAGE: &str = "/settings/api-keys";

pub(crate) async fn rows(effort: Effort) -> Vec<Row> {
    const GOAL: &str = "≤ 250 kB";
    let what = "first load of /settings/api-keys, all files, brotli";
    let site =
        std::env::var_os("KEYWARD_BENCH_SITE").map_or_else(|| PathBuf::from("target/site"), PathBuf::from);
    if !site.join("pkg/keyward.wasm.br").exists() {
        let why = "there is no release build of the pages; run `make build` first";
        return vec![Row::not_measured(what, why, GOAL), lighthouse::not_measured(why)];
    }
    let seeded = Seeded::new(Engine::Sqlite, 10).await;
    let program = Program::start(&seeded, &site);
    let cookie = format!("cookie: keyward={}\r\n", Seeded::token(1));
    let loaded = load(&program, &cookie);
    let bytes: usize = loaded.iter().map(|(_, length)| length).sum();
    let names: Vec<_> =
        loaded.iter().map(|(path, length)| format!("{path} {:.1}", kilobytes(*length))).collect();
    let first_load = Row {
        reference: names.join(", "),
        ..Row::absolute(what, format!("{:.1} kB", kilobytes(bytes)), GOAL, bytes <= 250_000)
    };
    vec![first_load, lighthouse::row(&format!("http://127.0.0.1:{}{PAGE}", program.port), &cookie, effort)]
}

/// The page and every file that it names, with their lengths in the form in which they travel.
fn load(program: &Program, cookie: &str) -> Vec<(String, usize)> {
    let get = |path: &str, encoding: &str| {
        let answer =
            http::get(program.port, path, &format!("{cookie}accept-encoding: {encoding}\r\n")).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.head);
        answer
    };
    let page = String::from_utf8(get(PAGE, "identity").body).unwrap();
    let files = page.split('"').filter(|text| {
        let file = text.split('?').next().unwrap_or_default();
        file.starts_with("/pkg/") || (file.starts_with('/') && file.ends_with(".svg"))
    });
    let files: BTreeSet<&str> = files.collect();
    let all = [PAGE].into_iter().chain(files);
    all.map(|path| (path.to_owned(), get(path, "br").body.len())).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred thousand bytes")]
fn kilobytes(bytes: usize) -> f64 {
    bytes as f64 / 1e3
}
