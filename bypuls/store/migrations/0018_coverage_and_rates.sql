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

-- Of the window that isn't over an amount stands for as long as its readings do: divided by the minutes since the window
-- began, what a meter rose in a quarter of an hour was 15 times its flow for a minute. Where no interval is known it isn't told.
CREATE OR REPLACE FUNCTION dashboard.rate(quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, channel text, metric text, value float8, n bigint,
               coverage float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    -- A count stands for its whole interval: in windows finer than that it would be taken for a rate many times as high.
    wanted interval := greatest(coalesce(rate.step, (rate.until - rate.since) / 500),
        (SELECT max(s.expected_interval) FROM dashboard.streams(rate.quantity, rate.nodes) AS s) * '1 second'::interval);
    width interval := dashboard.width_of(rate.quantity, rate.nodes, rate.since, rate.until, wanted);
BEGIN
    RETURN QUERY
    SELECT s.time, s.node, s.place, s.channel, s.metric,
           s.value * 3600 / (date_part('epoch', w.until - s.time) * CASE WHEN w.until <= rate.until THEN 1 ELSE s.coverage END),
           s.n, s.coverage
    FROM dashboard.series(rate.quantity, rate.nodes, rate.since, rate.until, width) AS s
    CROSS JOIN LATERAL (SELECT dashboard.window_end(s.time, width)) AS w (until)
    WHERE w.until <= rate.until OR s.coverage > 0;
END
$$;

-- What is infinite or NaN, which PostgreSQL takes for greater still, is neither an interval nor where a meter rolls over.
ALTER TABLE stream ADD CHECK (expected_interval < 'Infinity'), ADD CHECK (modulus < 'Infinity');
