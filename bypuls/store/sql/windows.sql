-- name: windows
-- Readings of streams in sum, each over a stretch of time of its own; those without any are left out, and readings
-- that are certainly wrong don't count. The bounds leave out chunks when the query is planned.
SELECT wanted.stream_id, wanted.since, wanted.until, found.*
FROM unnest(%(streams)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[]) AS wanted (stream_id, since, until)
CROSS JOIN LATERAL (
    SELECT count(*) AS n, avg(value) AS mean, sum(value) AS total, min(value) AS minimum, max(value) AS maximum,
           (array_agg(value ORDER BY time))[1] AS first, min(time) AS first_time,
           (array_agg(value ORDER BY time DESC))[1] AS last, max(time) AS last_time
    FROM reading r
    WHERE r.stream_id = wanted.stream_id AND time >= wanted.since AND time < wanted.until
      AND time >= %(first)s AND time < %(last)s
      AND flags & %(wrong)s = 0 AND value > '-Infinity' AND value < 'Infinity'
) AS found
WHERE found.n > 0;

-- name: thresholds
-- What the values of open streams are compared with.
SELECT stream_id, level, value FROM threshold JOIN stream USING (stream_id) WHERE open_data ORDER BY stream_id, value;
