-- Whoever has a key of a provider is told that it is away, some users at a time.
CREATE INDEX user_api_keys_by_provider ON user_api_keys (provider, user_id);
