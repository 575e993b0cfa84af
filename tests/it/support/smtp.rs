//! A mail server: as much of RFC 5321 as it takes to be handed a message.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A message as it was handed over.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
    /// How the sender calls itself.
    pub hello: String,
}

/// A mail server on loopback.
#[derive(Clone)]
pub struct MailServer {
    pub address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    serving: tokio::task::AbortHandle,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, mails) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Mail>>>::default());
        let taking = mails.clone();
        let serving = tokio::spawn(async move {
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.spawn(talk(stream, taking.clone()));
            }
        });
        Self { address, mails, serving: serving.abort_handle() }
    }

    /// Hangs up, and answers nobody any more.
    pub fn end(&self) {
        self.serving.abort();
    }

    /// What has arrived since the last time.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.mails.lock().unwrap())
    }
}

async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 mail.test ESMTP\r\n").await?;
    let (mut mail, mut hello) = (Mail::default(), String::new());
    while let Some(line) = lines.next_line().await? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match word.as_str() {
            "EHLO" => {
                hello = line.split(' ').nth(1).unwrap_or_default().to_owned();
                "250-mail.test\r\n250 8BITMIME\r\n"
            }
            "MAIL" => {
                mail = Mail { from: path(), hello: hello.clone(), ..Mail::default() };
                "250 ok\r\n"
            }
            "RCPT" if path().starts_with("refused") => "550 no such mailbox\r\n",
            "RCPT" => {
                mail.to.push(path());
                "250 ok\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.text.push('\n');
                }
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                "250 taken\r\n"
            }
            "RSET" | "NOOP" => "250 ok\r\n",
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 unknown\r\n",
        };
        writer.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
