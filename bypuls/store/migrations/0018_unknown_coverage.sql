-- least() passes nulls over: where no interval is known, coverage was told as 1. It is unknown.
CREATE OR REPLACE FUNCTION dashboard.series(quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, channel text, metric text, value float8, minimum float8,
               maximum float8, n bigint, coverage float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    kind  text := dashboard.kind(series.quantity);
    width interval := dashboard.width_of(series.quantity, series.nodes, series.since, series.until, series.step);
    ids   int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams(series.quantity, series.nodes) AS s);
BEGIN
    RETURN QUERY
    SELECT w.time, s.node, s.place, s.channel, s.metric, w.value, w.minimum, w.maximum, w.n,
           CASE WHEN c.coverage > 1 THEN 1 ELSE c.coverage END
    FROM dashboard.windows(ids, kind, series.since, series.until, width) AS w
    JOIN dashboard.stream AS s USING (stream_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(w.held_seconds, CASE WHEN kind <> 'state' THEN w.n * s.expected_interval END)
               / date_part('epoch', dashboard.window_end(w.time, width) - w.time) AS coverage
    ) AS c;
END
$$;

-- What is infinite or NaN, which PostgreSQL takes for greater still, is neither an interval nor where a meter rolls over.
ALTER TABLE stream ADD CHECK (expected_interval < 'Infinity'), ADD CHECK (modulus < 'Infinity');
