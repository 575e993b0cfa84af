//! The program itself, over a database made for the measurement.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{http, seed::Seeded};

/// How long the program takes to start and end without doing anything.
pub(crate) fn until_version() -> Duration {
    let begin = Instant::now();
    let mut version = Command::new(env!("CARGO_BIN_EXE_keyward"));
    assert!(version.arg("--version").stdout(Stdio::null()).status().unwrap().success());
    begin.elapsed()
}

/// A running server; dropped, it ends.
pub(crate) struct Program {
    pub(crate) port: u16,
    pub(crate) until_ready: Duration,
    child: Child,
}

impl Program {
    /// Starts it and waits for its first answer. Pages come from `site`.
    pub(crate) fn start(seeded: &Seeded, site: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let begin = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_keyward"))
            .env_clear()
            .env("DATABASE_URL", seeded.database())
            .env("KEYWARD_DATA_DIR", seeded.dir())
            .env("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}"))
            .env("LEPTOS_SITE_ROOT", site)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut program = Self { port, until_ready: Duration::ZERO, child };
        while http::get(port, "/readyz", "").is_none_or(|answer| answer.status != 200) {
            assert!(begin.elapsed() < Duration::from_secs(30), "the server did not become ready");
            std::thread::sleep(Duration::from_millis(2));
        }
        program.until_ready = begin.elapsed();
        program
    }

    pub(crate) fn resident_megabytes(&self) -> f64 {
        crate::resident_megabytes(self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
