-- name: tell
-- Say, with the commit of this transaction, of which streams it holds readings.
SELECT pg_notify('bypuls_readings', %(streams)s);

-- name: listen
-- Hear of the commits from now on.
LISTEN bypuls_readings;

-- name: newest
-- The newest reading of open streams that has come in the last day, of all or of those given. The bound leaves out
-- chunks when the query is planned.
SELECT s.stream_id, n.node || '/' || s.channel, s.quantity, s.unit, n.latitude, n.longitude,
       newest.time, newest.value, newest.flags
FROM stream s JOIN node n USING (node_id)
CROSS JOIN LATERAL (
    SELECT r.time, r.value, r.flags FROM reading r
    WHERE r.stream_id = s.stream_id AND r.time > %(since)s
      AND r.value > '-Infinity' AND r.value < 'Infinity'
    ORDER BY r.time DESC
    LIMIT 1
) AS newest
WHERE s.open_data AND (%(streams)s::int[] IS NULL OR s.stream_id = ANY(%(streams)s::int[]))
ORDER BY n.node, s.channel
LIMIT %(limit)s;

-- name: last_seen
-- When ingest last received anything, to some seconds.
SELECT max(last_seen) FROM node;
