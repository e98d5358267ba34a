-- name: enrol_nodes
-- Register nodes on sight.
INSERT INTO node (node) SELECT DISTINCT unnest(%(nodes)s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING;

-- name: find_nodes
-- Numbers of the nodes that are registered.
SELECT node, node_id FROM node WHERE node = ANY(%(nodes)s::text[]);

-- name: enrol_streams
-- Register channels on sight, as far as each node's allowance goes.
INSERT INTO stream (node_id, channel, quantity, statistic, unit)
SELECT node_id, channel, quantity, statistic, unit
FROM (
    SELECT w.*, row_number() OVER (PARTITION BY w.node_id ORDER BY w.channel) + t.streams AS place
    FROM unnest(%(nodes)s::int[], %(channels)s::text[], %(quantities)s::text[], %(statistics)s::text[],
                %(units)s::text[]) AS w (node_id, channel, quantity, statistic, unit)
    JOIN (SELECT n.node_id, count(s.stream_id) AS streams
          FROM (SELECT DISTINCT unnest(%(nodes)s::int[]) AS node_id) n LEFT JOIN stream s USING (node_id)
          GROUP BY n.node_id) t USING (node_id)
    WHERE NOT EXISTS (SELECT FROM stream s WHERE s.node_id = w.node_id AND s.channel = w.channel)
) AS newcomers
WHERE place <= %(allowance)s
ON CONFLICT DO NOTHING;

-- name: find_streams
-- Number, quantity, statistic, unit and expected interval of streams.
SELECT s.node_id, s.channel, s.stream_id, s.quantity, s.statistic, s.unit, s.expected_interval
FROM unnest(%(nodes)s::int[], %(channels)s::text[]) AS w (node_id, channel)
JOIN stream s ON s.node_id = w.node_id AND s.channel = w.channel;
