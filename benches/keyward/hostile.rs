//! Twelve hostile providers and five hundred checks at each, all at once: what it takes from the users of another
//! provider, and from the memory. The servers are two processes of their own: the honest one, and the twelve, which
//! give way to all others, for in life they do not compute on this machine.

use std::{
    convert::Infallible,
    net::SocketAddr,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use keyward::model::check::Outcome;
use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet, time::sleep};

use crate::{
    Row,
    behaviours::{read_head, twelve},
    neighbours::{Neighbours, Servers},
    percentile, resident_megabytes,
};

/// The argument that makes this program the honest server.
const HONEST_SERVER: &str = "--honest-server";
/// The argument that makes this program the twelve.
const HOSTILE_SERVERS: &str = "--hostile-servers";
/// The longest answer to a check of the provider that they stand for.
const LONGEST_ANSWER: usize = 1 << 20;
const CHECKS_AT_EACH: usize = 500;

/// Serves for ever if the arguments say so.
pub(crate) async fn serve(arguments: &[String]) -> Option<Infallible> {
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    if is_given(HONEST_SERVER) {
        serve_honestly().await;
    } else if is_given(HOSTILE_SERVERS) {
        for behaviour in twelve(LONGEST_ANSWER) {
            tokio::spawn(behaviour.serve(bind().await));
        }
    } else {
        return None;
    }
    std::future::pending().await
}

/// Listens, and says where.
async fn bind() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    listener
}

async fn serve_honestly() {
    let listener = bind().await;
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            while read_head(&mut stream).await.ends_with(b"\r\n\r\n") {
                // As quick as a near provider may be.
                sleep(Duration::from_millis(10)).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}").await;
            }
        });
    }
}

pub(crate) async fn rows() -> Vec<Row> {
    let program = std::env::current_exe().unwrap();
    let honest = Servers::start(&mut Command::new(&program), HONEST_SERVER, 1);
    let hostile = Servers::start(Command::new("nice").arg("-n19").arg(&program), HOSTILE_SERVERS, 12);
    let names: Vec<_> = twelve(1).iter().map(|behaviour| behaviour.name).collect();
    println!("Asking twelve hostile providers: {}…", names.join(", "));
    attack(&hostile.addresses, honest.addresses[0]).await
}

async fn attack(hostile: &[SocketAddr], honest: SocketAddr) -> Vec<Row> {
    let attacked = |addr: &SocketAddr| Arc::new(Neighbours::new(*addr, honest).without_rest());
    let attacked: Vec<_> = hostile.iter().map(attacked).collect();
    let mut quiet = Vec::new();
    for n in 0..500 {
        quiet.push(attacked[n % attacked.len()].ask_the_neighbour().await);
    }
    let me = std::process::id();
    let before = resident_megabytes(me);

    let mut checks = JoinSet::new();
    for one in &attacked {
        for _ in 0..CHECKS_AT_EACH {
            checks.spawn(suffer(Arc::clone(one)));
        }
    }
    let mut checks = std::pin::pin!(checks.join_all());
    let (mut meanwhile, mut most) = (Vec::new(), before);
    let ended = loop {
        let other = attacked[meanwhile.len() % attacked.len()].ask_the_neighbour();
        tokio::select! {
            ended = &mut checks => break ended,
            took = other => meanwhile.push(took),
        }
        most = most.max(resident_megabytes(me));
    };
    let longest = ended.into_iter().max().unwrap().as_secs_f64();
    let (calm, busy) = (percentile(&mut quiet, 99), percentile(&mut meanwhile, 99));
    let grown = most - before;
    vec![
        Row {
            what: "check of another provider while 12 hostile ones are asked 500 times each, 99th percentile"
                .into(),
            measured: format!("{:.1} ms ({} checks)", busy * 1e3, meanwhile.len()),
            reference: format!("before: {:.1} ms", calm * 1e3),
            ratio: format!("{:.2} ×", busy / calm),
            goal: "< 2 ×",
            met: Some(busy < 2.0 * calm),
        },
        Row::absolute(
            "the longest of those 6,000 checks",
            format!("{longest:.1} s"),
            "≤ 16 s",
            longest <= 16.0,
        ),
        Row::absolute("memory that they take", format!("{grown:.1} MB"), "< 52.4 MB (50 MiB)", grown < 52.4),
    ]
}

/// How long a check of a hostile provider takes.
async fn suffer(attacked: Arc<Neighbours>) -> Duration {
    let begin = Instant::now();
    assert_eq!(attacked.ask_the_trouble().await, Outcome::Unreachable);
    begin.elapsed()
}
