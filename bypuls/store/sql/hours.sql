-- name: read_hours
-- Rollups of streams in a range of hours, each column packed as in bypuls/store/sql/readings.sql.
SELECT string_agg(int4send(stream_id), ''::bytea),
       string_agg(timestamptz_send(hour), ''::bytea),
       string_agg(int4send(n), ''::bytea),
       string_agg(int4send(n_excluded), ''::bytea),
       string_agg(int4send(resets), ''::bytea) FILTER (WHERE 'resets' = ANY(%(columns)s)),
       string_agg(int4send(changes), ''::bytea) FILTER (WHERE 'changes' = ANY(%(columns)s)),
       string_agg(timestamptz_send(first_time), ''::bytea) FILTER (WHERE 'first_time' = ANY(%(columns)s)),
       string_agg(timestamptz_send(last_time), ''::bytea) FILTER (WHERE 'last_time' = ANY(%(columns)s)),
       string_agg(float8send(mean), ''::bytea) FILTER (WHERE 'mean' = ANY(%(columns)s)),
       string_agg(float8send(m2), ''::bytea) FILTER (WHERE 'm2' = ANY(%(columns)s)),
       string_agg(float8send(minimum), ''::bytea) FILTER (WHERE 'minimum' = ANY(%(columns)s)),
       string_agg(float8send(maximum), ''::bytea) FILTER (WHERE 'maximum' = ANY(%(columns)s)),
       string_agg(float8send(first), ''::bytea) FILTER (WHERE 'first' = ANY(%(columns)s)),
       string_agg(float8send(last), ''::bytea) FILTER (WHERE 'last' = ANY(%(columns)s)),
       string_agg(float8send(cosine), ''::bytea) FILTER (WHERE 'cosine' = ANY(%(columns)s)),
       string_agg(float8send(sine), ''::bytea) FILTER (WHERE 'sine' = ANY(%(columns)s)),
       string_agg(float8send(energy), ''::bytea) FILTER (WHERE 'energy' = ANY(%(columns)s)),
       string_agg(float8send(sum), ''::bytea) FILTER (WHERE 'sum' = ANY(%(columns)s)),
       string_agg(float8send(increase), ''::bytea) FILTER (WHERE 'increase' = ANY(%(columns)s)),
       string_agg(float8send(held), ''::bytea) FILTER (WHERE 'held' = ANY(%(columns)s)),
       string_agg(float8send(held_seconds), ''::bytea) FILTER (WHERE 'held_seconds' = ANY(%(columns)s))
FROM (
    SELECT * FROM reading_hour
    WHERE stream_id = ANY(%(streams)s) AND hour >= to_timestamp(%(first)s * 3600.0) AND hour < to_timestamp(%(last)s * 3600.0)
    ORDER BY stream_id, hour
    LIMIT ALL
) AS rows;

-- name: dirty_of_streams
-- Hours whose rollup can't be trusted now, of some streams; where raw readings were removed, it is all there is.
SELECT DISTINCT stream_id, hour
FROM dirty_hours
CROSS JOIN unnest(streams, hours) AS mark (stream_id, hour)
LEFT JOIN retention USING (stream_id)
WHERE first_hour < %(last)s AND last_hour >= %(first)s
  AND stream_id = ANY(%(streams)s) AND hour >= %(first)s AND hour < %(last)s
  AND (raw_from IS NULL OR to_timestamp(hour * 3600.0) >= raw_from)
ORDER BY stream_id, hour;

-- name: readings_of_hours
-- Raw readings of pairs of stream and hour. The bounds leave out chunks when the query is planned. Stream and
-- flags go as one number: each column that is packed costs 50 ns a reading, and the scan 150.
SELECT string_agg(int8send((stream_id::int8 << 16) | (flags & 65535)), ''::bytea),
       string_agg(timestamptz_send(time), ''::bytea),
       string_agg(float8send(value), ''::bytea)
FROM (
    SELECT r.stream_id, r.time, r.value, r.flags
    FROM unnest(%(streams)s::int[], %(hours)s::int[]) AS pair (stream_id, hour)
    CROSS JOIN LATERAL (
        SELECT * FROM reading
        WHERE reading.stream_id = pair.stream_id
          AND time >= to_timestamp(pair.hour * 3600.0) AND time < to_timestamp((pair.hour + 1) * 3600.0)
          AND time >= to_timestamp(%(first)s * 3600.0) AND time < to_timestamp(%(last)s * 3600.0)
        ORDER BY time
    ) AS r
) AS rows;

-- name: one_snapshot
-- All queries of the transaction see the database as it was at the first one.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
