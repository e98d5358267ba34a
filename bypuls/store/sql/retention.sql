-- name: is_hypertable
-- Whether whole chunks can be dropped; an empty server knows no such catalogue.
SELECT to_regclass('timescaledb_information.hypertables') IS NOT NULL;

-- name: set_horizon
-- From now on the rollups of a quantity's older hours can't be made again. Never moved back.
INSERT INTO retention (quantity, raw_from) VALUES (%(quantity)s, %(raw_from)s)
ON CONFLICT (quantity) DO UPDATE SET raw_from = greatest(retention.raw_from, EXCLUDED.raw_from);

-- name: count_old
-- Raw readings of a quantity that are older than its horizon.
SELECT count(*) FROM reading JOIN stream USING (stream_id)
WHERE coalesce(quantity, '') = %(quantity)s AND time < %(raw_from)s;

-- name: delete_old
-- Remove them; the rollups stay, so no hour is marked.
WITH removed AS (
    DELETE FROM reading USING stream
    WHERE reading.stream_id = stream.stream_id AND coalesce(quantity, '') = %(quantity)s AND time < %(raw_from)s
    RETURNING 1
)
SELECT count(*) FROM removed;

-- name: keep_rollups
-- Tell the trigger that what is deleted in this transaction makes no hour dirty.
SELECT set_config('bypuls.retention', 'on', true);

-- name: quantities
-- All quantities that are measured; empty for streams without one.
SELECT DISTINCT coalesce(quantity, '') FROM stream ORDER BY 1;

-- name: waiting
-- Whether an hour before the horizon still waits for its rollup; then its readings must stay.
SELECT EXISTS (
    SELECT FROM dirty_hours, unnest(streams, hours) AS mark (stream_id, hour) JOIN stream USING (stream_id)
    WHERE coalesce(quantity, '') = %(quantity)s AND to_timestamp(hour * 3600.0) < %(raw_from)s);

-- name: drop_chunks
-- Whole chunks that end before a time.
SELECT count(*) FROM drop_chunks('reading', older_than => %(raw_from)s::timestamptz) AS chunk;
