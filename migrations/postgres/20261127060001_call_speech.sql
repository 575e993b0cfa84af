-- Messages that were spoken before the call was placed, with a voice of the user's. Forgotten after the call.
CREATE TABLE call_speech (
    call_id UUID PRIMARY KEY REFERENCES calls (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    -- MP3.
    sound BYTEA NOT NULL
);
