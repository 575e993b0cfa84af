-- What all users' calls of a range add up to is read by time, and not user by user.
CREATE INDEX usage_hours_by_time ON usage_hours (hour);
CREATE INDEX usage_days_by_time ON usage_days (day);
