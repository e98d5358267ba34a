-- name: horizon
-- Up to when readings of a quantity were removed before.
SELECT max(raw_from) FROM retention JOIN stream USING (stream_id) WHERE coalesce(quantity, '') = %(quantity)s;

-- name: set_horizon
-- From now on the rollups of older hours can't be made again. Never moved back.
INSERT INTO retention (stream_id, raw_from)
SELECT stream_id, %(raw_from)s FROM stream WHERE coalesce(quantity, '') = %(quantity)s
ON CONFLICT (stream_id) DO UPDATE SET raw_from = greatest(retention.raw_from, EXCLUDED.raw_from);

-- name: count_old
-- Raw readings of a quantity that are older than its horizon.
SELECT count(*) FROM reading JOIN stream USING (stream_id)
WHERE coalesce(quantity, '') = %(quantity)s AND time < %(raw_from)s
  AND time >= coalesce(%(since)s::timestamptz, '-infinity');

-- name: delete_old
-- Remove them; the rollups stay, so no hour is marked. What came late, from before the last horizon, stays too:
-- no rollup holds it.
WITH removed AS (
    DELETE FROM reading USING stream
    WHERE reading.stream_id = stream.stream_id AND coalesce(quantity, '') = %(quantity)s AND time < %(raw_from)s
      AND time >= coalesce(%(since)s::timestamptz, '-infinity')
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
