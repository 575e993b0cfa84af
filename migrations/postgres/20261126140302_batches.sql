-- Searches that were started together share a batch. A place that several of them find is a result of the first.
ALTER TABLE searches ADD COLUMN batch_id UUID;
CREATE INDEX searches_by_batch ON searches (batch_id, id) WHERE batch_id IS NOT NULL;
ALTER TABLE search_results ADD COLUMN batch_id UUID;
CREATE UNIQUE INDEX search_results_by_batch ON search_results (batch_id, place_key) WHERE batch_id IS NOT NULL;
