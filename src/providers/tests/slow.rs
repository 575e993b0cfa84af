//! A provider that never answers holds up nobody but itself.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, task::JoinSet};

use super::support::{CANARY, Room, Server, yes};
use crate::{
    model::{
        check::Outcome,
        ids::{ProviderId, UserId},
    },
    providers::{EgressSettings, Spending, catalogue::Catalogue, egress::bulkhead::CHECKS as AT_A_TIME},
};

const SLOW: ProviderId = ProviderId::OPENAI;
const OTHERS: [ProviderId; 3] = [ProviderId::ANTHROPIC, ProviderId::SERPAPI, ProviderId::ELEVENLABS];
const CHECKS: usize = 200;

async fn never(stream: TcpStream, _: String) {
    std::future::pending::<()>().await;
    drop(stream);
}

/// With the budgets of the catalogue, and the slow provider at an address of its own.
fn room(slow: &Server, quick: &Server) -> Room {
    let base = |id: &ProviderId| {
        let address = if *id == SLOW { slow.addr } else { quick.addr };
        (id.clone(), format!("http://{address}"))
    };
    let base_urls = Catalogue::shared().ids().map(base).collect();
    Room::new(EgressSettings::new(Catalogue::shared(), &base_urls, None).unwrap(), |_| {})
}

/// Lets 200 checks of many users hang at the slow provider, and does something else meanwhile.
async fn meanwhile<F: Future<Output = ()>>(act: impl FnOnce(Arc<Room>) -> F) {
    let (slow, quick) = (Server::raw(never).await, Server::answering(|_| yes()).await);
    let room = Arc::new(room(&slow, &quick));
    let candidate = Arc::new(room.candidate(&SLOW, &[("api_key", CANARY)]));
    let mut hanging = JoinSet::new();
    for _ in 0..CHECKS {
        let (room, candidate) = (Arc::clone(&room), Arc::clone(&candidate));
        hanging.spawn(async move {
            room.providers.check_candidate(UserId::generate(), &candidate, Spending::Refused).await
        });
    }
    let full = async {
        while slow.heads().len() < AT_A_TIME {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), full).await.unwrap();
    act(room).await;
    assert!(hanging.try_join_next().is_none(), "they do not hang any more, so this proves nothing");
    assert_eq!(slow.heads().len(), AT_A_TIME, "one provider has so many places");
    hanging.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_slow_checks_keep_nobody_else_waiting() {
    meanwhile(|room| async move {
        // Another installation without the slow provider, asked in turns with this one, so that a busy machine slows
        // down both. The figures are `make bench`'s; this only finds out if others wait.
        let quick = Server::answering(|_| yes()).await;
        let rooms = [room, Arc::new(Room::at(quick.addr))];
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..20 {
            for id in OTHERS {
                for (room, took) in rooms.iter().zip(&mut took) {
                    let begin = Instant::now();
                    let report = room.check(&room.candidate(&id, &[("api_key", CANARY)])).await;
                    took.push(begin.elapsed());
                    assert_eq!(report.outcome, Outcome::Valid, "{id}");
                }
            }
        }
        let [beside, alone] = took.map(|mut took| {
            took.sort_unstable();
            took[took.len() / 2]
        });
        assert!(beside <= alone * 3, "{beside:?} beside the slow provider, {alone:?} without it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_that_nobody_asked_for_take_no_place_from_others() {
    meanwhile(|room| async move {
        // Four at a time of one provider, and what is held by these holds up no other and no user.
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(room.providers.background(&OTHERS[0]).await.unwrap());
        }
        assert_eq!(room.providers.crowded(), OTHERS[..1]);
        for id in OTHERS {
            let report = room.check(&room.candidate(&id, &[("api_key", CANARY)])).await;
            assert_eq!(report.outcome, Outcome::Valid, "{id}");
        }
        assert!(room.providers.background(&OTHERS[1]).await.is_some());
        drop(held);
        assert!(room.providers.crowded().is_empty());
    })
    .await;
}
