-- name: by_name
-- Streams by node and channel, given as two columns.
SELECT s.stream_id, n.node, s.channel, s.quantity, s.statistic, s.unit, s.expected_interval, r.raw_from, s.modulus
FROM unnest(%(nodes)s::text[], %(channels)s::text[]) AS wanted (node, channel)
JOIN node n USING (node)
JOIN stream s USING (node_id, channel)
LEFT JOIN retention r USING (stream_id);

-- name: plain
-- Streams of plain values, of a quantity and in a box where one is given.
SELECT s.stream_id, n.node, s.channel, s.quantity, s.statistic, s.unit, s.expected_interval, r.raw_from, s.modulus
FROM node n JOIN stream s USING (node_id)
LEFT JOIN retention r USING (stream_id)
WHERE s.statistic = ''
  AND (%(node)s::text IS NULL OR n.node = %(node)s)
  AND (%(quantity)s::text IS NULL OR s.quantity = %(quantity)s)
  AND (%(open)s::boolean IS NULL OR s.open_data = %(open)s)
  AND (%(west)s::float8 IS NULL OR (n.longitude BETWEEN %(west)s AND %(east)s
                                    AND n.latitude BETWEEN %(south)s AND %(north)s))
ORDER BY n.node, s.channel
LIMIT %(limit)s;
