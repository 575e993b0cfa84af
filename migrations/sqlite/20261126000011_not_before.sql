-- The provider asked to be left alone until then (Retry-After): no check of the key is made before, by whomever.
ALTER TABLE user_api_keys ADD COLUMN not_before BIGINT;
