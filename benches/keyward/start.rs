//! Time to the first answer, and memory at rest.

use std::{path::Path, time::Duration};

use crate::{
    Effort, Row, median,
    program::{self, Program},
    seed::{Engine, Seeded},
};

pub(crate) async fn rows(effort: Effort) -> Vec<Row> {
    const USERS: u64 = 10_000 / 6 + 1;
    let seeded = Seeded::new(Engine::Sqlite, USERS).await;
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..effort.or(5, 1) {
        let program = Program::start(&seeded, Path::new("target/site"));
        starts.push(program.until_ready.as_secs_f64() * 1e3);
        // One round of the background work is over.
        std::thread::sleep(Duration::from_secs(6));
        memory.push(program.resident_megabytes());
    }
    let (start, memory) = (median(starts), median(memory));
    let bare = median((0..effort.or(5, 1)).map(|_| program::until_version().as_secs_f64() * 1e3).collect());
    vec![
        Row {
            reference: format!("{bare:.1} ms for `keyward --version`"),
            ..Row::absolute(
                "start to first answer with 10,000 keys",
                format!("{start:.0} ms"),
                "≤ 300 ms",
                start <= 300.0,
            )
        },
        Row::absolute("idle memory with 10,000 keys", format!("{memory:.1} MB"), "≤ 40 MB", memory <= 40.0),
    ]
}
