-- What checks told of quotas, so that it can be said how long they last. A row for a figure that has changed, and one
-- an hour at the most for a figure that has not. Those of a key go with it.
CREATE TABLE quota_points (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key_id BLOB NOT NULL REFERENCES user_api_keys (id) ON DELETE CASCADE,
    -- Another credential may be of another account.
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    unit TEXT NOT NULL,
    used BIGINT NOT NULL,
    units_max BIGINT,
    resets_at BIGINT,
    PRIMARY KEY (user_id, key_id, version, at)
) WITHOUT ROWID;
CREATE INDEX quota_points_by_key ON quota_points (key_id);
CREATE INDEX quota_points_by_age ON quota_points (at);
