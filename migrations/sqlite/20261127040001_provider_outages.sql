-- The last outage of each provider, as seen over the keys of several users. It goes on while ended_at is empty.
CREATE TABLE provider_outages (
    provider TEXT PRIMARY KEY,
    began_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- Checks that were due by then are not held back by it.
    held_at BIGINT NOT NULL,
    -- When the next single check may find out whether it is over.
    scout_at BIGINT NOT NULL
);
-- The key was refused in real use: its check is not held back.
ALTER TABLE user_api_keys ADD COLUMN suspect BOOLEAN NOT NULL DEFAULT FALSE;
