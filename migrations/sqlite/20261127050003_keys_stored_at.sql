-- Since when the credential is in use that is there now. Of one that was replaced before this was written down, when the
-- first was stored.
ALTER TABLE user_api_keys ADD COLUMN stored_at BIGINT NOT NULL DEFAULT 0;
UPDATE user_api_keys SET stored_at = created_at;
CREATE INDEX user_api_keys_by_time ON user_api_keys (stored_at);
