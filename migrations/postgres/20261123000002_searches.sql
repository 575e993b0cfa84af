-- Searches of the Data Scraper. A search leaves the state 'running' once and never comes back, so the
-- state itself fences off a runner whose lease is over.
CREATE TABLE searches (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    request JSONB NOT NULL,
    state TEXT NOT NULL,
    notice TEXT,
    resolved_place TEXT,
    place_unknown BOOLEAN NOT NULL,
    pages_done BIGINT NOT NULL,
    pages_planned BIGINT NOT NULL,
    found BIGINT NOT NULL,
    searches_left_before BIGINT,
    searches_left_after BIGINT,
    -- Renewed by the runner; after it, anybody may end the search.
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX searches_by_user ON searches (user_id, id);
CREATE INDEX searches_running ON searches (lease_until) WHERE state = 'running';

CREATE TABLE search_results (
    search_id UUID NOT NULL REFERENCES searches (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    position BIGINT NOT NULL,
    -- The same place on two pages is one result.
    place_key TEXT NOT NULL,
    result JSONB NOT NULL,
    PRIMARY KEY (search_id, position),
    UNIQUE (search_id, place_key)
);
