//! The real program, for what only a process can show.

use std::{
    ffi::OsStr,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

/// How a `keyward serve` ended that did not start.
pub struct Refusal {
    pub code: Option<i32>,
    pub stderr: String,
}

/// A running `keyward serve`.
pub struct Process {
    child: Child,
    pub port: u16,
}

impl Process {
    /// Starts it over this database, with its log in `log`, and waits until it is ready.
    pub async fn start(database: &str, dir: &Path, simulator: std::net::SocketAddr, log: &Path) -> Self {
        Self::start_with(database, dir, simulator, log, &[] as &[(&str, &str)]).await
    }

    /// The same with these variables besides.
    pub async fn start_with(
        database: &str,
        dir: &Path,
        simulator: std::net::SocketAddr,
        log: &Path,
        variables: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)],
    ) -> Self {
        let (mut command, port) = serve(database, dir, simulator);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let process = Self { child: command.spawn().unwrap(), port };
        for _ in 0..600 {
            if process.try_send("GET", "/readyz", &[], "").await.is_some_and(|(status, _, _)| status == 200) {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not become ready");
    }

    /// Starts it with these variables besides and waits for it to end by itself, for `patience` at most.
    pub async fn refused(
        database: &str,
        dir: &Path,
        simulator: std::net::SocketAddr,
        variables: &[(&str, &str)],
        patience: Duration,
    ) -> Refusal {
        let (mut command, _) = serve(database, dir, simulator);
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > patience {
                let _ = child.kill();
                let _ = child.wait();
                panic!("it runs on");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Refusal { code: status.code(), stderr }
    }

    /// Ends it without a chance to tidy up (SIGKILL).
    pub fn kill_now(&self) {
        let _ = Command::new("kill").arg("-KILL").arg(self.child.id().to_string()).status().unwrap();
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Its memory as `VmRSS` or `VmHWM` (Linux, `proc_pid_status(5)`), in KiB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) -> Option<i32> {
        let _ = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }

    /// Sends a request on a connection of its own; status, headers and body, or nothing when the server
    /// is gone.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<(u16, String, String)> {
        let (status, head, body) = self.try_bytes(method, path, headers, body).await?;
        Some((status, head, String::from_utf8_lossy(&body).into_owned()))
    }

    /// The same, with the body's bytes.
    pub async fn try_bytes(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<(u16, String, Vec<u8>)> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n",
            self.port
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        request.push_str(body);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok()?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let body = bytes.split_off(end + 4);
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = if head.contains("transfer-encoding: chunked") { unchunked(&body)? } else { body };
        Some((status, head, body))
    }

    /// Listens to a stream that has no end, from now on, until nothing has come for two seconds.
    pub fn listen(&self, path: &str, headers: &[(&str, &str)]) -> JoinHandle<Vec<u8>> {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n", self.port);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let port = self.port;
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            let silence = Duration::from_secs(2);
            while let Ok(Ok(1..)) = tokio::time::timeout(silence, stream.read_buf(&mut heard)).await {}
            heard
        })
    }

    /// Sends JSON with this session; status and body, or nothing when the server is gone.
    pub async fn json(&self, method: &str, path: &str, cookie: &str, body: &Value) -> Option<(u16, Value)> {
        let headers = [("cookie", cookie), ("content-type", "application/json")];
        let (status, _, text) = self.try_send(method, path, &headers, &body.to_string()).await?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Registers a user; the session's cookie.
    pub async fn register(&self, name: &str) -> Option<String> {
        let body = serde_json::json!({"email": format!("{name}@example.org"), "password": super::PASSWORD});
        let headers = [("content-type", "application/json")];
        let (status, head, _) =
            self.try_send("POST", "/api/auth/register", &headers, &body.to_string()).await?;
        assert_eq!(status, 201, "{head}");
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "))?;
        Some(cookie.split(';').next()?.to_owned())
    }
}

/// `keyward serve` over this database, and its port.
fn serve(database: &str, dir: &Path, simulator: std::net::SocketAddr) -> (Command, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command
        .arg("serve")
        .env_clear()
        .env("DATABASE_URL", database)
        .env("KEYWARD_DATA_DIR", dir.join("data"))
        .env("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}"))
        .env("KEYWARD_LOG", "trace")
        .stdin(Stdio::null());
    for provider in keyward::simulator::test_keys().into_iter().map(|key| key.provider) {
        let name = format!("KEYWARD_{}_BASE_URL", provider.as_str().to_uppercase());
        command.env(name, format!("http://{simulator}/{provider}"));
    }
    for limit in super::LIMITS {
        command.env(format!("KEYWARD_LIMIT_{limit}"), "1000000");
    }
    (command, port)
}

/// The content of a body that came in chunks, which could hide a secret across their seam.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
