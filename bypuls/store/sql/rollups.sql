-- name: try_lock
-- One job at a time; the lock ends with the connection.
SELECT pg_try_advisory_lock(hashtext('bypuls.maintain'));

-- name: wait_briefly
-- A long transaction holds marks back; whoever waits for it holds ingest up, so not for long.
SET LOCAL lock_timeout = '500ms';

-- name: lock_generation
-- Wait until every transaction that marks hours has ended; those to come take the next generation.
SELECT pg_advisory_xact_lock(hashtext('bypuls.dirty_generation'));

-- name: raise_generation
-- From now on marks carry this generation.
UPDATE dirty_generation SET generation = generation + 1 RETURNING generation;

-- name: take_marks
-- All marks of older generations, packed as in bypuls/store/sql/readings.sql.
WITH taken AS (
    DELETE FROM dirty_hours WHERE generation < %(generation)s RETURNING streams, hours, marked_at
)
SELECT string_agg(int4send(stream_id), ''::bytea), string_agg(int4send(hour), ''::bytea),
       string_agg(int8send(floor(extract(epoch FROM marked_at))::int8), ''::bytea)
FROM taken CROSS JOIN unnest(streams, hours) AS mark (stream_id, hour);

-- name: put_marks
-- Marks, as one row; generation 0 is always an older one.
INSERT INTO dirty_hours (generation, streams, hours, marked_at)
VALUES (0, %(streams)s::int[], %(hours)s::int[], to_timestamp(%(since)s)) RETURNING dirty_id;

-- name: lock_marks
-- A row of marks, to be worked on in this transaction.
SELECT streams, hours FROM dirty_hours WHERE dirty_id = %(dirty_id)s FOR UPDATE;

-- name: clear_marks
-- The rollups of a row of marks are made.
DELETE FROM dirty_hours WHERE dirty_id = %(dirty_id)s;

-- name: meanings_of_streams
-- What decides how the readings of a stream are summed up. It can't be changed until the rollups are committed,
-- or who changes it would not see them, and not mark them.
SELECT stream_id, channel, quantity, modulus FROM stream WHERE stream_id = ANY(%(streams)s::int[])
ORDER BY stream_id
FOR SHARE;

-- name: final_hours
-- Hours whose raw readings were removed and whose rollup is all there is, as places in the arrays.
SELECT place::int - 1
FROM unnest(%(streams)s::int[], %(hours)s::int[]) WITH ORDINALITY AS pair (stream_id, hour, place)
JOIN retention USING (stream_id)
JOIN reading_hour ON reading_hour.stream_id = pair.stream_id
                 AND reading_hour.hour = to_timestamp(pair.hour * 3600.0)
WHERE to_timestamp(pair.hour * 3600.0) < raw_from;

-- name: delete_hours
-- Rollups that are made again.
DELETE FROM reading_hour
USING unnest(%(streams)s::int[], %(hours)s::int[]) AS pair (stream_id, hour)
WHERE reading_hour.stream_id = pair.stream_id AND reading_hour.hour = to_timestamp(pair.hour * 3600.0);

-- name: copy_hours
-- Rollups, in the order of bypuls.store.hours.COLUMNS.
COPY reading_hour (stream_id, hour, n, n_excluded, resets, changes, first_time, last_time, mean, m2, minimum, maximum,
                   first, last, cosine, sine, energy, sum, increase, held, held_seconds) FROM STDIN (FORMAT binary);

-- name: mark_range
-- Mark every hour of a range that has readings or a rollup; returns how many.
WITH pair AS (
    SELECT stream_id, floor(extract(epoch FROM time) / 3600)::int AS hour
    FROM reading WHERE time >= %(start)s AND time < %(end)s
    UNION
    SELECT stream_id, floor(extract(epoch FROM hour) / 3600)::int
    FROM reading_hour WHERE hour >= %(start)s AND hour < %(end)s
), marked AS (
    INSERT INTO dirty_hours (generation, streams, hours)
    SELECT 0, array_agg(stream_id), array_agg(hour) FROM pair GROUP BY stream_id
    RETURNING cardinality(streams) AS size
)
SELECT coalesce(sum(size), 0)::int8 FROM marked;

-- name: backlog
-- Marks that wait, and since when (seconds since 1970) the first of them does: its hour was over, and it was marked.
-- Of a row, its first hour tells: the job puts hours of about the same time into one.
SELECT coalesce(sum(cardinality(streams)), 0)::int8,
       min(greatest(extract(epoch FROM marked_at), (first_hour + 1) * 3600.0 + %(grace)s))::float8
FROM dirty_hours;
