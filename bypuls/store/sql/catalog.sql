-- name: nodes
-- Nodes by name, after one of them, with the quantities they measure; with `open` those of such streams only.
SELECT n.node, n.owner, n.place, n.latitude, n.longitude, n.enrolled_at, n.last_seen, n.state, n.state_at,
       ARRAY(SELECT DISTINCT s.quantity FROM stream s
             WHERE s.node_id = n.node_id AND s.quantity IS NOT NULL
               AND (%(open)s::boolean IS NULL OR s.open_data = %(open)s)
             ORDER BY 1) AS quantities
FROM node n
WHERE n.node > %(after)s
  AND (%(owner)s::text IS NULL OR n.owner = %(owner)s)
  AND (%(west)s::float8 IS NULL OR (n.longitude BETWEEN %(west)s AND %(east)s
                                    AND n.latitude BETWEEN %(south)s AND %(north)s))
  AND (coalesce(%(quantity)s::text, %(open)s::text) IS NULL
       OR EXISTS (SELECT FROM stream s
                  WHERE s.node_id = n.node_id
                    AND (%(quantity)s::text IS NULL OR s.quantity = %(quantity)s)
                    AND (%(open)s::boolean IS NULL OR s.open_data = %(open)s)))
ORDER BY n.node
LIMIT %(limit)s;

-- name: node
-- One node.
SELECT n.node, n.owner, n.place, n.latitude, n.longitude, n.enrolled_at, n.last_seen, n.state, n.state_at,
       ARRAY(SELECT DISTINCT s.quantity FROM stream s
             WHERE s.node_id = n.node_id AND s.quantity IS NOT NULL ORDER BY 1) AS quantities
FROM node n
WHERE n.node = %(node)s;

-- name: node_exists
-- Whether the registry knows the node.
SELECT EXISTS (SELECT FROM node WHERE node = %(node)s);

-- name: logs
-- A node's sequence logs, the latest first: what came, what the node gave up, and what is neither. Packs are
-- numbered from 1; a pack 0 counts as seen and is never missed.
WITH latest AS (
    SELECT node_id, p.log, max(p.last_received) AS last_received
    FROM pack_log p JOIN node n USING (node_id)
    WHERE n.node = %(node)s
    GROUP BY node_id, p.log
    ORDER BY 3 DESC, 2
    LIMIT %(logs)s
), whole AS (
    SELECT log, latest.last_received, range_agg(p.seen) AS seen, range_agg(p.dropped) AS dropped
    FROM latest JOIN pack_log p USING (node_id, log)
    GROUP BY log, latest.last_received
), log AS (
    SELECT log, last_received, dropped,
           upper(seen + dropped) - 1 AS highest,
           int8multirange(int8range(1, greatest(upper(seen + dropped), 1))) - seen - dropped AS missing
    FROM whole
)
SELECT log, last_received, highest,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8 FROM unnest(missing) AS r) AS missing_packs,
       ARRAY(SELECT ARRAY[lower(r), upper(r) - 1] FROM unnest(missing) AS r ORDER BY r LIMIT %(ranges)s) AS missing,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8 FROM unnest(dropped) AS r) AS dropped_packs,
       ARRAY(SELECT ARRAY[lower(r), upper(r) - 1] FROM unnest(dropped) AS r ORDER BY r LIMIT %(ranges)s) AS dropped
FROM log
ORDER BY last_received DESC, log;

-- name: streams
-- Streams by node and channel, after one of them.
SELECT n.node || '/' || s.channel AS stream, n.node, s.channel, s.quantity, s.statistic, s.unit,
       s.expected_interval, s.modulus, s.open_data,
       (SELECT jsonb_object_agg(level, value) FROM threshold t WHERE t.stream_id = s.stream_id) AS thresholds
FROM node n JOIN stream s USING (node_id)
WHERE n.node >= %(after_node)s AND (n.node, s.channel) > (%(after_node)s, %(after_channel)s)
  AND (%(node)s::text IS NULL OR n.node = %(node)s)
  AND (%(quantity)s::text IS NULL OR s.quantity = %(quantity)s)
  AND (%(open)s::boolean IS NULL OR s.open_data = %(open)s)
ORDER BY n.node, s.channel
LIMIT %(limit)s;

-- name: stream
-- One stream and its number.
SELECT s.stream_id, n.node || '/' || s.channel, n.node, s.channel, s.quantity, s.statistic, s.unit,
       s.expected_interval, s.modulus, s.open_data,
       (SELECT jsonb_object_agg(level, value) FROM threshold t WHERE t.stream_id = s.stream_id) AS thresholds
FROM node n JOIN stream s USING (node_id)
WHERE n.node = %(node)s AND s.channel = %(channel)s;

-- name: latest
-- The newest reading of each stream that has one, by node and channel, after one of them. OFFSET 0 keeps the
-- inner query whole, so that the streams are put in order first, and only those of the page are looked up in
-- the primary key. 1,000 out of 50,000 streams over 261 chunks took 0.15 s; as one flat query 0.05 s, but 1.3 s
-- where the tables had no statistics yet, since the planner then looked all streams up.
SELECT wanted.node || '/' || wanted.channel AS stream, wanted.node, wanted.channel, wanted.quantity,
       wanted.statistic, wanted.unit, wanted.latitude, wanted.longitude,
       newest.time, newest.value, newest.flags
FROM (
    SELECT n.node, s.channel, s.stream_id, s.quantity, s.statistic, s.unit, n.latitude, n.longitude
    FROM node n JOIN stream s USING (node_id)
    WHERE n.node >= %(after_node)s AND (n.node, s.channel) > (%(after_node)s, %(after_channel)s)
      AND (%(node)s::text IS NULL OR n.node = %(node)s)
      AND (%(quantity)s::text IS NULL OR s.quantity = %(quantity)s)
      AND (%(open)s::boolean IS NULL OR s.open_data = %(open)s)
      AND (%(west)s::float8 IS NULL OR (n.longitude BETWEEN %(west)s AND %(east)s
                                        AND n.latitude BETWEEN %(south)s AND %(north)s))
    ORDER BY n.node, s.channel
    OFFSET 0
) AS wanted
CROSS JOIN LATERAL (
    SELECT r.time, r.value, r.flags FROM reading r
    WHERE r.stream_id = wanted.stream_id
    ORDER BY r.time DESC
    LIMIT 1
) AS newest
ORDER BY wanted.node, wanted.channel
LIMIT %(limit)s;

-- name: open
-- All open streams with what is known of their nodes, the newest reading of each, and the newest that isn't
-- certainly wrong, null where there is none. The streams are put in order first, as in `latest`; an earlier
-- reading is looked for only where the newest is wrong.
SELECT wanted.stream_id, wanted.node || '/' || wanted.channel AS stream, wanted.node, wanted.channel,
       wanted.quantity, wanted.statistic, wanted.unit, wanted.expected_interval,
       wanted.owner, wanted.place, wanted.latitude, wanted.longitude,
       newest.time, newest.value, newest.flags,
       CASE WHEN newest.flags & %(wrong)s = 0 THEN newest.time ELSE earlier.time END AS certain_time,
       CASE WHEN newest.flags & %(wrong)s = 0 THEN newest.value ELSE earlier.value END AS certain_value
FROM (
    SELECT s.stream_id, n.node, s.channel, s.quantity, s.statistic, s.unit, s.expected_interval,
           n.owner, n.place, n.latitude, n.longitude
    FROM node n JOIN stream s USING (node_id)
    WHERE s.open_data
    ORDER BY n.node, s.channel
    LIMIT %(limit)s
) AS wanted
LEFT JOIN LATERAL (
    SELECT r.time, r.value, r.flags FROM reading r
    WHERE r.stream_id = wanted.stream_id AND r.time <= %(time)s
      AND r.value > '-Infinity' AND r.value < 'Infinity'
    ORDER BY r.time DESC
    LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT r.time, r.value FROM reading r
    WHERE newest.flags & %(wrong)s <> 0 AND r.stream_id = wanted.stream_id AND r.time < newest.time
      AND r.flags & %(wrong)s = 0 AND r.value > '-Infinity' AND r.value < 'Infinity'
    ORDER BY r.time DESC
    LIMIT 1
) AS earlier ON true
ORDER BY wanted.node, wanted.channel;

-- name: open_since
-- The first hour of the open streams of each quantity, as far as there are rollups.
SELECT s.quantity, min(first.hour)
FROM stream s
CROSS JOIN LATERAL (
    SELECT hour FROM reading_hour h WHERE h.stream_id = s.stream_id ORDER BY hour LIMIT 1
) AS first
WHERE s.open_data AND s.quantity IS NOT NULL
GROUP BY s.quantity;

-- name: readable
-- Fails unless the schema is there and this role may read it.
SELECT FROM node, stream, reading, quarantine, pack_log LIMIT 0;
