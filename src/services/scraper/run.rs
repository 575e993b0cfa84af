//! One search from its first call to its end.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    LEASE,
    maps::{self, Located},
    source::MapsSource,
};
use crate::{
    clock::Clock,
    model::{
        ids::{SearchId, UserId},
        scraper::{Notice, Place, SearchRequest, SearchState},
    },
    store::{FoundPlace, PageOfResults, Store, StoreError},
};

/// The end of a search is written again after this long, then twice as long, …
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// … until this; then the lease runs out.
const LAST_PAUSE: Duration = Duration::from_secs(13);

/// A search under way.
pub(super) struct Run {
    pub(super) store: Store,
    pub(super) source: Arc<dyn MapsSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) user: UserId,
    pub(super) id: SearchId,
    pub(super) request: SearchRequest,
    pub(super) stop: CancellationToken,
}

/// Why a search ends before its last page.
enum Break {
    /// For this reason.
    Failed(Notice),
    /// Somebody else has ended or deleted it already.
    Ended,
}

impl From<Notice> for Break {
    fn from(notice: Notice) -> Self {
        Self::Failed(notice)
    }
}

impl From<StoreError> for Break {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a search could not be written down");
        Self::Failed(Notice::OurFault)
    }
}

impl Run {
    /// Runs to the end, and writes down how it ended. Being stopped drops the call under way, so that
    /// nobody waits for it; whether that page counts, only the provider knows.
    pub(super) async fn go(self) {
        let ending = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            ending = self.pages() => Some(ending),
        };
        let Some(ending) = ending else { return self.stopped().await };
        // Before the end is written, so that whoever waits for the end sees the figures with it.
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = self.note_searches_left() => {}
        }
        let now = self.clock.now();
        let finished = SearchState::Finished;
        let mut pause = FIRST_PAUSE;
        loop {
            let written = match &ending {
                Ok(0) => {
                    self.store.end_search(self.user, self.id, finished, Some(Notice::NoResults), now).await
                }
                Ok(_) => self.store.end_search(self.user, self.id, finished, None, now).await,
                Err(Break::Failed(notice)) => {
                    self.store.end_search_early(self.user, self.id, *notice, now).await
                }
                Err(Break::Ended) => return,
            };
            match written {
                Ok(_) => return,
                // A database that is busy for a moment must not leave a paid search without its end.
                Err(error) if error.is_transient() && pause < LAST_PAUSE => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return unwritten(&error),
            }
        }
    }

    /// Stopped by the user, who has ended the search already, or together with the server.
    async fn stopped(&self) {
        let notice = Notice::Interrupted;
        match self.store.end_search_early(self.user, self.id, notice, self.clock.now()).await {
            Ok(true) => {}
            Ok(false) => self.note_searches_left().await,
            Err(error) => unwritten(&error),
        }
    }

    /// Fetches page after page and answers how many results there are.
    async fn pages(&self) -> Result<u32, Break> {
        let located = self.locate().await?;
        let mut found = 0;
        for number in 0..located.pages(&self.request) {
            self.hold().await?;
            let parameters = maps::parameters(&self.request, &located, number);
            let body = self.source.page(self.user, parameters).await?;
            let page = maps::read_page(&body);
            let results = PageOfResults {
                rows: &page.rows,
                limit: self.request.limit,
                lease_until: self.clock.now().plus(LEASE),
            };
            found = self
                .store
                .save_page(self.user, self.id, &results, self.clock.now())
                .await?
                .ok_or(Break::Ended)?;
            if !page.more || page.rows.is_empty() || found >= self.request.limit {
                break;
            }
        }
        Ok(found)
    }

    /// Turns the name of a place into coordinates, which Google Maps needs for more than one page.
    async fn locate(&self) -> Result<Located, Break> {
        let name = match &self.request.place {
            Place::Coordinates(point) => return Ok(Located::At(*point)),
            Place::Name(name) => name,
        };
        self.hold().await?;
        let body = self.source.places(self.user, maps::first_part(name)).await?;
        let resolved = maps::resolve(&body, name, self.request.country.as_deref());
        let located = resolved.as_ref().map_or(Located::ByText, |place| Located::At(place.point));
        let found = FoundPlace {
            resolved: resolved.as_ref().map(|place| place.name.as_str()),
            pages_planned: located.pages(&self.request),
        };
        if self.store.record_place(self.user, self.id, &found, self.clock.now()).await? {
            Ok(located)
        } else {
            Err(Break::Ended)
        }
    }

    async fn hold(&self) -> Result<(), Break> {
        let until = self.clock.now().plus(LEASE);
        if self.store.renew_search(self.user, self.id, until).await? { Ok(()) } else { Err(Break::Ended) }
    }

    async fn note_searches_left(&self) {
        if let Some(left) = self.source.refresh_searches_left(self.user).await
            && let Err(error) =
                self.store.record_searches_left(self.user, self.id, left, self.clock.now()).await
        {
            tracing::error!(%error, "the searches left could not be written down");
        }
    }
}

/// The lease runs out, and the scheduler ends the search.
fn unwritten(error: &StoreError) {
    tracing::error!(%error, "the end of a search could not be written down");
}
