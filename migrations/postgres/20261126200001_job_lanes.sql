-- Which jobs wait for one another: calls do not wait for searches. The default is for programs of before that still run.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'search';
UPDATE jobs SET lane = 'call' WHERE id IN (SELECT id FROM calls);
