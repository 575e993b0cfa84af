-- Messages that were spoken before the call was placed, with a voice of the user's. Forgotten after the call.
CREATE TABLE call_speech (
    call_id BLOB PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL,
    -- MP3.
    sound BLOB NOT NULL
);
