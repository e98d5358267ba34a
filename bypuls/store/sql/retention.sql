-- name: streams
-- The streams of each quantity; empty for streams without one.
SELECT coalesce(quantity, ''), array_agg(stream_id ORDER BY stream_id) FROM stream GROUP BY 1 ORDER BY 1;

-- name: hours_waiting
-- How many hours before `until` wait for their rollup, of some streams; then their readings must stay.
SELECT count(DISTINCT (stream_id, hour))
FROM dirty_hours CROSS JOIN unnest(streams, hours) AS mark (stream_id, hour) LEFT JOIN retention USING (stream_id)
WHERE stream_id = ANY(%(streams)s::int[]) AND to_timestamp(hour * 3600.0) < %(until)s
  AND (raw_from IS NULL OR to_timestamp(hour * 3600.0) >= raw_from);

-- name: next_hour
-- The oldest hour that may be removed, from `start` on, before `until`.
SELECT min(oldest.hour)
FROM unnest(%(streams)s::int[]) AS stream (stream_id)
LEFT JOIN retention USING (stream_id)
CROSS JOIN LATERAL (
    SELECT hour FROM reading_hour
    WHERE reading_hour.stream_id = stream.stream_id AND hour < %(until)s
      AND hour >= greatest(coalesce(raw_from, '-infinity'), coalesce(%(start)s::timestamptz, '-infinity'))
    ORDER BY hour LIMIT 1
) AS oldest;

-- name: counts
-- Readings of each stream from `start` on, before `until`, that were not removed yet, as its rollups tell.
SELECT stream_id, readings::int8
FROM unnest(%(streams)s::int[]) AS stream (stream_id)
LEFT JOIN retention USING (stream_id)
CROSS JOIN LATERAL (
    SELECT sum(n::int8 + n_excluded) AS readings FROM reading_hour
    WHERE reading_hour.stream_id = stream.stream_id AND hour < %(until)s
      AND hour >= greatest(coalesce(raw_from, '-infinity'), coalesce(%(start)s::timestamptz, '-infinity'))
) AS summed
WHERE readings IS NOT NULL
ORDER BY stream_id;

-- name: lock_marks_out
-- Wait until every transaction that marks hours has ended, and let no other begin; for the session, because the
-- snapshot must be taken after it.
SELECT pg_advisory_lock(hashtext('bypuls.dirty_generation')) FROM set_config('lock_timeout', '500ms', true);

-- name: let_marks_in
-- The snapshot is taken: what is written from now on is not seen, and so not removed.
SELECT pg_advisory_unlock(hashtext('bypuls.dirty_generation'));

-- name: one_snapshot
-- All statements of the transaction see the database as it was at the first one.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: without_marks
-- The streams all of whose hours before `until` have their rollup.
SELECT unnest(%(streams)s::int[])
EXCEPT
SELECT mark.stream_id FROM dirty_hours, unnest(streams, hours) AS mark (stream_id, hour)
WHERE to_timestamp(mark.hour * 3600.0) < %(until)s
ORDER BY 1;

-- name: keep_rollups
-- Tell the trigger that what is deleted in this transaction makes no hour dirty.
SELECT set_config('bypuls.retention', 'on', true);

-- name: remove
-- Remove the readings of some streams that their rollups sum up. What came after its hour's rollup was final
-- stays, and what was put in past the platform: no rollup holds it.
DELETE FROM reading
WHERE stream_id = ANY(%(streams)s::int[]) AND time >= %(start)s AND time < %(until)s
  AND NOT EXISTS (SELECT FROM retention WHERE retention.stream_id = reading.stream_id AND reading.time < raw_from)
  AND EXISTS (
      SELECT FROM reading_hour
      WHERE reading_hour.stream_id = reading.stream_id AND hour = date_trunc('hour', reading.time, 'UTC')
        AND reading_hour.stream_id = ANY(%(streams)s::int[]) AND hour >= %(start)s AND hour < %(until)s);

-- name: set_horizon
-- From now on the rollups of older hours can't be made again. Never moved back.
INSERT INTO retention (stream_id, raw_from) SELECT unnest(%(streams)s::int[]), %(until)s
ON CONFLICT (stream_id) DO UPDATE SET raw_from = greatest(retention.raw_from, EXCLUDED.raw_from);

-- name: has_work
-- Whether a stream's readings before `until` were not looked at yet.
SELECT EXISTS (
    SELECT FROM unnest(%(streams)s::int[]) AS stream (stream_id) LEFT JOIN retention USING (stream_id)
    WHERE raw_from IS NULL OR raw_from < %(until)s);

-- name: held
-- What a chunk holds: for each stream the number of its readings.
SELECT stream_id, count(*) FROM reading WHERE time >= %(start)s AND time < %(until)s GROUP BY stream_id;

-- name: marked
-- Whether any hour before `until` waits for its rollup.
SELECT EXISTS (SELECT FROM dirty_hours, unnest(hours) AS hour WHERE to_timestamp(hour * 3600.0) < %(until)s);
