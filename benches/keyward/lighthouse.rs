//! Lighthouse on the settings page, signed in, as on a telephone.

use std::process::Command;

use serde_json::Value;

use crate::{Effort, Row, median};

const WHAT: &str =
    "Lighthouse on /settings/api-keys, signed in, mobile: performance, accessibility, best practices";
const GOAL: &str = "≥ 95, 100, 100";
const CATEGORIES: [&str; 3] = ["performance", "accessibility", "best-practices"];

pub(crate) fn not_measured(why: &str) -> Row {
    Row::not_measured(WHAT, why, GOAL)
}

/// The median of several visits to `address`. Lighthouse and the browser are named in the environment.
pub(crate) fn row(address: &str, cookie: &str, effort: Effort) -> Row {
    let (Some(lighthouse), Some(chromium)) =
        (std::env::var_os("KEYWARD_BENCH_LIGHTHOUSE"), std::env::var_os("CHROMIUM"))
    else {
        return not_measured("Node.js, Lighthouse or Chromium is not installed");
    };
    let cookie = cookie.trim().strip_prefix("cookie: ").unwrap_or_default();
    let mut scores: [Vec<f64>; 3] = Default::default();
    println!("Visiting the settings page with Lighthouse…");
    for _ in 0..effort.or(5, 1) {
        let output = Command::new(&lighthouse)
            .arg(address)
            .args(["--quiet", "--output=json", "--form-factor=mobile"])
            .arg(format!("--only-categories={}", CATEGORIES.join(",")))
            .arg(format!("--extra-headers={{\"Cookie\":\"{cookie}\"}}"))
            .arg("--chrome-flags=--headless --no-sandbox --disable-background-networking --disable-component-update")
            .env("CHROME_PATH", &chromium)
            .output();
        let report = output.ok().and_then(|output| serde_json::from_slice::<Value>(&output.stdout).ok());
        let Some(report) = report else { return not_measured("Lighthouse gave no report") };
        for (category, scores) in CATEGORIES.iter().zip(&mut scores) {
            let score = report["categories"][category]["score"].as_f64();
            scores.push((score.unwrap_or_default() * 100.0).round());
        }
    }
    let [performance, accessibility, practices] = scores.map(median);
    let met = performance >= 95.0 && accessibility >= 100.0 && practices >= 100.0;
    Row::absolute(WHAT, format!("{performance}, {accessibility}, {practices}"), GOAL, met)
}
