-- name: register_nodes
-- Make the named nodes what the file says; returns those that were new (true) or changed (false). In order of
-- their names, as ingest enrols them, so that no two writers wait for each other.
INSERT INTO node (node, owner, place, latitude, longitude)
SELECT * FROM unnest(%(nodes)s::text[], %(owners)s::text[], %(places)s::text[], %(latitudes)s::float8[],
                     %(longitudes)s::float8[]) AS w (node, owner, place, latitude, longitude)
ORDER BY node
ON CONFLICT (node) DO UPDATE
SET owner = excluded.owner, place = excluded.place, latitude = excluded.latitude, longitude = excluded.longitude
WHERE (node.owner, node.place, node.latitude, node.longitude)
      IS DISTINCT FROM (excluded.owner, excluded.place, excluded.latitude, excluded.longitude)
RETURNING node, xmax = 0 AS is_new;

-- name: register_streams
-- Make the named streams what the file says, the unit of one that is there excepted; returns those that were
-- new (true) or changed (false). A row that stays as it is gets locked all the same.
INSERT INTO stream (node_id, channel, quantity, statistic, unit, expected_interval, modulus, open_data)
SELECT n.node_id, w.channel, w.quantity, w.statistic, w.unit, w.expected_interval, w.modulus, w.open_data
FROM unnest(%(nodes)s::text[], %(channels)s::text[], %(quantities)s::text[], %(statistics)s::text[],
            %(units)s::text[], %(intervals)s::float8[], %(moduli)s::float8[], %(open)s::boolean[])
     AS w (node, channel, quantity, statistic, unit, expected_interval, modulus, open_data)
JOIN node n USING (node)
ORDER BY n.node_id, w.channel
ON CONFLICT (node_id, channel) DO UPDATE
SET quantity = excluded.quantity, statistic = excluded.statistic,
    expected_interval = excluded.expected_interval, modulus = excluded.modulus, open_data = excluded.open_data
WHERE (stream.quantity, stream.statistic, stream.expected_interval, stream.modulus, stream.open_data)
      IS DISTINCT FROM (excluded.quantity, excluded.statistic, excluded.expected_interval, excluded.modulus,
                        excluded.open_data)
RETURNING (SELECT node FROM node WHERE node.node_id = stream.node_id), channel, xmax = 0 AS is_new;

-- name: clear_thresholds
-- Take away the thresholds of the named streams that the file doesn't name; returns node and channel of each.
DELETE FROM threshold t
USING unnest(%(nodes)s::text[], %(channels)s::text[]) AS w (node, channel), node n, stream s
WHERE n.node = w.node AND s.node_id = n.node_id AND s.channel = w.channel AND t.stream_id = s.stream_id
  AND NOT EXISTS (SELECT FROM unnest(%(with_nodes)s::text[], %(with_channels)s::text[], %(levels)s::text[])
                       AS kept (node, channel, level)
                  WHERE (kept.node, kept.channel, kept.level) = (w.node, w.channel, t.level))
RETURNING w.node, w.channel;

-- name: register_thresholds
-- Make thresholds what the file says; returns node and channel of those that were new or other.
INSERT INTO threshold (stream_id, level, value)
SELECT s.stream_id, w.level, w.value
FROM unnest(%(with_nodes)s::text[], %(with_channels)s::text[], %(levels)s::text[], %(values)s::float8[])
     AS w (node, channel, level, value)
JOIN node n USING (node)
JOIN stream s ON s.node_id = n.node_id AND s.channel = w.channel
ORDER BY s.stream_id, w.level
ON CONFLICT (stream_id, level) DO UPDATE SET value = excluded.value WHERE threshold.value <> excluded.value
RETURNING (SELECT n.node FROM node n JOIN stream s USING (node_id) WHERE s.stream_id = threshold.stream_id),
          (SELECT s.channel FROM stream s WHERE s.stream_id = threshold.stream_id);

-- name: find_other_units
-- Streams that are kept in another unit than the file's.
SELECT w.node, w.channel, s.unit, w.unit
FROM unnest(%(nodes)s::text[], %(channels)s::text[], %(units)s::text[]) AS w (node, channel, unit)
JOIN node n USING (node)
JOIN stream s ON s.node_id = n.node_id AND s.channel = w.channel
WHERE s.unit <> w.unit
ORDER BY w.node, w.channel;

-- name: lock_streams
-- Wait until no rollup of these streams is being made; in the order in which the job locks them.
SELECT FROM stream
WHERE stream_id IN (
    SELECT s.stream_id
    FROM unnest(%(nodes)s::text[], %(channels)s::text[]) AS w (node, channel)
    JOIN node n USING (node)
    JOIN stream s ON s.node_id = n.node_id AND s.channel = w.channel)
ORDER BY stream_id
FOR UPDATE;

-- name: mark_other_meanings
-- Streams whose readings are to be summed up in another way than so far: all their rollups are made again.
INSERT INTO dirty_hours (generation, streams, hours)
SELECT 0, array_agg(stream_id), array_agg(floor(extract(epoch FROM hour) / 3600)::int)
FROM unnest(%(nodes)s::text[], %(channels)s::text[], %(quantities)s::text[], %(moduli)s::float8[])
     AS w (node, channel, quantity, modulus)
JOIN node n USING (node)
JOIN stream s ON s.node_id = n.node_id AND s.channel = w.channel
JOIN reading_hour USING (stream_id)
WHERE (s.quantity, s.modulus) IS DISTINCT FROM (w.quantity, w.modulus)
GROUP BY stream_id;
