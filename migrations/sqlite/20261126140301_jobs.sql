-- Background work. A job has the id of what it works on, so that nothing is worked on by two jobs.
CREATE TABLE jobs (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Which kind of work, and its arguments. Never a secret.
    work TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Raised by every claim; the fencing token of whatever the holder writes.
    attempt BIGINT NOT NULL,
    -- Attempts that broke down since the last progress.
    failures BIGINT NOT NULL,
    -- When it is due; while it is held, the end of the lease, so that an abandoned job becomes due by itself.
    run_at BIGINT NOT NULL,
    -- The process that holds it.
    worker BLOB,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX jobs_open ON jobs (run_at) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_running ON jobs (user_id) WHERE state = 'running';

-- Where a search goes on: the next page, if there is one, and the point that its pages lie around.
ALTER TABLE searches ADD COLUMN next_page BIGINT;
ALTER TABLE searches ADD COLUMN point TEXT;
-- From here on the job holds the lease. Searches of earlier processes have none, and end.
UPDATE searches SET state = CASE WHEN found > 0 THEN 'partial' ELSE 'failed' END,
    notice = 'interrupted', finished_at = lease_until WHERE state = 'running';
DROP INDEX searches_running;
ALTER TABLE searches DROP COLUMN lease_until;
CREATE INDEX searches_open ON searches (user_id) WHERE state IN ('queued', 'running');
