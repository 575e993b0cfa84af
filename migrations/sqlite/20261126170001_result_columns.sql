-- What results are sorted and filtered by, in lower case; NULL where a result lacks it. `words` has all their texts.
ALTER TABLE search_results ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE search_results ADD COLUMN name_key TEXT;
ALTER TABLE search_results ADD COLUMN category_key TEXT;
ALTER TABLE search_results ADD COLUMN address_key TEXT;
ALTER TABLE search_results ADD COLUMN phone_key TEXT;
ALTER TABLE search_results ADD COLUMN website_key TEXT;
ALTER TABLE search_results ADD COLUMN email_key TEXT;
ALTER TABLE search_results ADD COLUMN rating DOUBLE PRECISION;
ALTER TABLE search_results ADD COLUMN reviews BIGINT;
UPDATE search_results SET
    name_key = lower(json_extract(result, '$.name')),
    category_key = lower(json_extract(result, '$.category')),
    address_key = lower(json_extract(result, '$.address')),
    phone_key = lower(json_extract(result, '$.phone')),
    website_key = lower(json_extract(result, '$.website')),
    rating = json_extract(result, '$.rating'),
    reviews = json_extract(result, '$.reviews');
UPDATE search_results SET words = name_key || coalesce(char(10) || category_key, '') || coalesce(char(10) || address_key, '')
    || coalesce(char(10) || phone_key, '') || coalesce(char(10) || website_key, '');
-- The results of a batch in the order of its file.
CREATE INDEX search_results_of_batch ON search_results (batch_id, search_id, position) WHERE batch_id IS NOT NULL;
