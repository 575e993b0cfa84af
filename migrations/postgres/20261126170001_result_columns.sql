-- What results are sorted and filtered by, in lower case; NULL where a result lacks it. `words` has all their texts.
-- They sort by their bytes, as in SQLite.
ALTER TABLE search_results ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE search_results ADD COLUMN name_key TEXT COLLATE "C";
ALTER TABLE search_results ADD COLUMN category_key TEXT COLLATE "C";
ALTER TABLE search_results ADD COLUMN address_key TEXT COLLATE "C";
ALTER TABLE search_results ADD COLUMN phone_key TEXT COLLATE "C";
ALTER TABLE search_results ADD COLUMN website_key TEXT COLLATE "C";
ALTER TABLE search_results ADD COLUMN email_key TEXT COLLATE "C";
ALTER TABLE search_results ADD COLUMN rating DOUBLE PRECISION;
ALTER TABLE search_results ADD COLUMN reviews BIGINT;
UPDATE search_results SET
    name_key = lower(result ->> 'name'),
    category_key = lower(result ->> 'category'),
    address_key = lower(result ->> 'address'),
    phone_key = lower(result ->> 'phone'),
    website_key = lower(result ->> 'website'),
    rating = CAST(result ->> 'rating' AS DOUBLE PRECISION),
    reviews = CAST(result ->> 'reviews' AS BIGINT);
UPDATE search_results SET words = name_key || coalesce(chr(10) || category_key, '') || coalesce(chr(10) || address_key, '')
    || coalesce(chr(10) || phone_key, '') || coalesce(chr(10) || website_key, '');
-- The results of a batch in the order of its file.
CREATE INDEX search_results_of_batch ON search_results (batch_id, search_id, position) WHERE batch_id IS NOT NULL;
