//! One search, from where an earlier attempt left it to its end.

use std::sync::Arc;

use super::{
    maps::{self, Located},
    source::Source,
    web,
};
use crate::{
    clock::Clock,
    model::{
        job::LEASE,
        scraper::{Engine, Notice, Place, ResultRow, SearchRequest},
    },
    services::{Ended, Stops},
    store::{End, FoundPlace, Hold, PageOfResults, SearchRun, Store, StoreError},
};

/// Query parameters.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// A page of results.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Page {
    /// What makes a result the same on two pages, and the result. The position is not set.
    pub(super) rows: Vec<(String, ResultRow)>,
    /// There is another page.
    pub(super) more: bool,
}

/// An attempt at a search.
pub(super) struct Run {
    pub(super) store: Store,
    pub(super) source: Arc<dyn Source>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hold: Hold,
    pub(super) stops: Stops,
}

/// Why an attempt stops.
enum Break {
    /// The search ends early, for this reason.
    Early(Notice),
    /// The attempt ends like this, and the search does not.
    Attempt(Ended),
}

impl From<Notice> for Break {
    fn from(notice: Notice) -> Self {
        match notice {
            // What broke here may be whole again in a moment; what a provider said is the end.
            Notice::OurFault => Self::Attempt(Ended::Broken),
            notice => Self::Early(notice),
        }
    }
}

impl From<StoreError> for Break {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a search could not be written down");
        Self::Attempt(Ended::Broken)
    }
}

impl Run {
    /// Goes on as far as it may. Its owner's stop drops the call under way, so that nobody waits for it; whether
    /// that page counts, only the provider knows.
    pub(super) async fn go(self) -> Ended {
        let ending = tokio::select! {
            biased;
            () = self.stops.owner.cancelled() => None,
            ending = self.pages() => Some(ending),
        };
        let end = match ending {
            None => {
                self.note_searches_left().await;
                return Ended::Finished;
            }
            Some(Err(Break::Attempt(ended))) => return ended,
            Some(Err(Break::Early(notice))) => End::Early(notice),
            Some(Ok(0)) => End::Complete(Some(Notice::NoResults)),
            Some(Ok(_)) => End::Complete(None),
        };
        // Before the end is written, so that whoever waits for the end sees the figures with it.
        tokio::select! {
            biased;
            () = self.stops.owner.cancelled() => {}
            () = self.note_searches_left() => {}
        }
        match self.store.end_search(self.hold, end, self.clock.now()).await {
            Ok(true) => Ended::Finished,
            Ok(false) => Ended::Fenced,
            Err(error) => {
                tracing::error!(%error, "the end of a search could not be written down");
                Ended::Broken
            }
        }
    }

    /// Fetches the pages that are missing and answers how many results there are.
    async fn pages(&self) -> Result<u32, Break> {
        let search = self.store.begin_search(self.hold, self.clock.now()).await?;
        let search = search.ok_or(Break::Attempt(Ended::Fenced))?;
        let mut found = search.found;
        let Some(first) = search.next_page else { return Ok(found) };
        self.source.open(self.hold.user).await?;
        let located = self.locate(&search).await?;
        let planned = located.pages(&search.request);
        let query = search.in_batch.then_some(search.request.query.as_str());
        let mut next = (first < planned).then_some(first);
        while let Some(number) = next {
            self.hold_on().await?;
            let parameters = match search.request.engine {
                Engine::Maps => maps::parameters(&search.request, &located, number),
                Engine::Web => web::parameters(&search.request, located.name(), number),
            };
            let body = self.source.page(self.hold.user, parameters).await?;
            let page = match search.request.engine {
                Engine::Maps => maps::read_page(&body),
                Engine::Web => web::read_page(&body),
            };
            let more = page.more && !page.rows.is_empty();
            next = Some(number.saturating_add(1)).filter(|next| more && *next < planned);
            let results = PageOfResults {
                rows: &page.rows,
                limit: search.request.limit,
                next,
                lease_until: self.clock.now().plus(LEASE),
                query,
            };
            let saved = self.store.save_page(self.hold, &results, self.clock.now()).await?;
            found = saved.ok_or(Break::Attempt(Ended::Fenced))?;
            if found >= search.request.limit {
                break;
            }
        }
        Ok(found)
    }

    /// Turns the name of a place into coordinates, which Google Maps needs for more than one page, or into the name
    /// that SerpAPI has for it.
    async fn locate(&self, search: &SearchRun) -> Result<Located, Break> {
        let SearchRequest { place, country, .. } = &search.request;
        let known = search.point.zip(search.resolved.clone());
        let name = match (place, known) {
            (Place::Coordinates(point), _) => return Ok(Located::At { point: *point, name: None }),
            (_, Some((point, name))) => return Ok(Located::At { point, name: Some(name) }),
            (Place::Anywhere, None) => return Ok(Located::ByText),
            (Place::Name(_), None) if search.place_unknown => return Ok(Located::ByText),
            (Place::Name(name), None) => name,
        };
        self.hold_on().await?;
        let body = self.source.places(self.hold.user, maps::first_part(name)).await?;
        let resolved = maps::resolve(&body, name, country.as_deref());
        let located = resolved.as_ref().map_or(Located::ByText, |place| Located::At {
            point: place.point,
            name: Some(place.name.clone()),
        });
        let found = FoundPlace {
            resolved: resolved.as_ref().map(|place| (place.name.as_str(), place.point)),
            pages_planned: located.pages(&search.request),
        };
        if self.store.record_place(self.hold, &found, self.clock.now()).await? {
            Ok(located)
        } else {
            Err(Break::Attempt(Ended::Fenced))
        }
    }

    /// Before each call: nothing is spent on a search that somebody has taken over or stopped, and none begins
    /// while the server stops.
    async fn hold_on(&self) -> Result<(), Break> {
        if self.stops.server.is_cancelled() {
            return Err(Break::Attempt(Ended::Interrupted));
        }
        let until = self.clock.now().plus(LEASE);
        if self.store.renew_job(self.hold, until).await? {
            Ok(())
        } else {
            Err(Break::Attempt(Ended::Fenced))
        }
    }

    async fn note_searches_left(&self) {
        let Hold { user, .. } = self.hold;
        if let Some(left) = self.source.refresh_searches_left(user).await
            && let Err(error) = self.store.record_searches_left(self.hold, left, self.clock.now()).await
        {
            tracing::error!(%error, "the searches left could not be written down");
        }
    }
}
