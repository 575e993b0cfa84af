-- How often its owner wants the key checked; empty where they chose nothing.
ALTER TABLE user_api_keys ADD COLUMN check_every TEXT;
