-- name: of_streams
-- All readings of streams in a range, packed as in bypuls/store/sql/readings.sql, in the order of the streams.
SELECT string_agg(int4send(stream_id), ''::bytea),
       string_agg(timestamptz_send(time), ''::bytea),
       string_agg(float8send(value), ''::bytea),
       string_agg(int2send(flags), ''::bytea)
FROM (
    SELECT r.stream_id, r.time, r.value, r.flags
    FROM unnest(%(streams)s::int[]) AS wanted (stream_id)
    CROSS JOIN LATERAL (
        SELECT * FROM reading
        WHERE reading.stream_id = wanted.stream_id AND time >= %(start)s AND time < %(end)s
        ORDER BY time
    ) AS r
) AS rows;

-- name: last_before
-- The newest reading of each stream before a time that counts, packed in the same way: none that was voided by
-- NaN, which PostgreSQL takes for greater than all. Where retention removed the raw readings, an hour's rollup
-- holds its last one; what came later for such an hour is in no rollup, and doesn't count.
SELECT string_agg(int4send(stream_id), ''::bytea),
       string_agg(timestamptz_send(time), ''::bytea),
       string_agg(float8send(value), ''::bytea),
       string_agg(int2send(flags), ''::bytea)
FROM (
    SELECT wanted.stream_id, newest.time, newest.value, newest.flags
    FROM unnest(%(streams)s::int[]) AS wanted (stream_id)
    JOIN stream USING (stream_id)
    LEFT JOIN retention USING (stream_id)
    CROSS JOIN LATERAL (
        (SELECT time, value, flags FROM reading r
         WHERE r.stream_id = wanted.stream_id AND time < %(time)s
           AND flags & %(wrong)s = 0 AND value > '-Infinity' AND value < 'Infinity'
           AND (raw_from IS NULL OR time >= raw_from
                OR NOT EXISTS (SELECT FROM reading_hour AS final WHERE final.stream_id = wanted.stream_id
                               AND final.hour = date_trunc('hour', r.time, 'UTC')))
         ORDER BY time DESC
         LIMIT 1)
        UNION ALL
        (SELECT last_time, last, 0::int2 FROM reading_hour h
         WHERE h.stream_id = wanted.stream_id AND hour < raw_from AND n > 0
           AND last_time < %(time)s AND hour < %(time)s
         ORDER BY hour DESC
         LIMIT 1)
        ORDER BY time DESC
        LIMIT 1
    ) AS newest
    ORDER BY wanted.stream_id
    LIMIT ALL
) AS rows;

-- name: estimate
-- About how many readings streams have in a range, by where they are read from: of hours that wait for their rollup,
-- and of all others. It goes by what rollups count, and by whole hours where there is none yet.
WITH due AS (
    SELECT DISTINCT stream_id, to_timestamp(hour * 3600.0) AS hour
    FROM dirty_hours CROSS JOIN unnest(streams, hours) AS mark (stream_id, hour)
    LEFT JOIN retention USING (stream_id)
    WHERE first_hour < extract(epoch FROM %(end)s) / 3600 AND last_hour >= floor(extract(epoch FROM %(start)s) / 3600)
      AND stream_id = ANY(%(streams)s)
      AND hour >= floor(extract(epoch FROM %(start)s) / 3600) AND hour < extract(epoch FROM %(end)s) / 3600
      AND (raw_from IS NULL OR to_timestamp(hour * 3600.0) >= raw_from)
)
SELECT (SELECT coalesce(sum(coalesce(rolled.n::int8 + rolled.n_excluded, 3600 / coalesce(expected_interval, 10))), 0)
        FROM due JOIN stream USING (stream_id) LEFT JOIN reading_hour AS rolled USING (stream_id, hour))::int8,
       (SELECT coalesce(sum(n::int8 + n_excluded), 0) FROM reading_hour AS rolled
        WHERE stream_id = ANY(%(streams)s) AND hour >= %(start)s AND hour < %(end)s
          AND NOT EXISTS (SELECT FROM due WHERE due.stream_id = rolled.stream_id AND due.hour = rolled.hour))::int8;
