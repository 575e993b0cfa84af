-- Voices that were cloned here: who declared what, and when. Written before anything is sent; the samples are not kept.
CREATE TABLE voice_clones (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- The declaration, word for word.
    statement TEXT NOT NULL,
    consented_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    state TEXT NOT NULL,
    voice_id TEXT
);
CREATE INDEX voice_clones_by_user ON voice_clones (user_id, id);
