-- The same for curves over a year of hours: streams by number, and their texts at the end.

CREATE OR REPLACE FUNCTION dashboard.air_index(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, value float8, index float8,
               class int, coverage float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    width       interval := CASE WHEN air_index.until - air_index.since <= '31 days' THEN '1 hour'::interval ELSE '1 day' END;
    start       timestamptz := date_trunc('hour', air_index.since, 'UTC');
    days        timestamptz[] := dashboard.days(dashboard.window_of(start, width), until, width);
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.stream AS s JOIN dashboard.air_bounds USING (quantity)
                               WHERE air_index.nodes IS NULL OR s.node = ANY(air_index.nodes));
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, until) AS u;
    RETURN QUERY
    SELECT w.time, n.node, coalesce(n.place, n.node), coalesce(n.place || ' (' || n.node || ')', n.node),
           w.quantity, w.mean, w.index, floor(w.index)::int, least(w.n * w.expected_interval / 3600, 1)
    FROM (
        SELECT DISTINCT ON (h.time, s.node_id) h.time, s.node_id, s.quantity, s.expected_interval, h.mean, h.n, i.index
        FROM public.stream AS s
        JOIN dashboard.air_bounds AS b USING (quantity)
        CROSS JOIN LATERAL (
            SELECT h.hour AS time, h.mean, h.n
            FROM dashboard.hour_means(s.stream_id, 'linear', start, until, due_streams, due_hours) AS h
            WHERE width = '1 hour' AND h.n * s.expected_interval >= 0.85 * 3600 AND h.hour <= until - '1 hour'::interval
            UNION ALL
            SELECT d.time, d.worst[1], d.worst[2]
            FROM (
                -- The index rises with the mean, so the worst hour is the one with the highest.
                SELECT dashboard.window_among(h.hour, width, days) AS time, max(ARRAY[h.mean, h.n]) AS worst
                FROM dashboard.hour_means(s.stream_id, 'linear', start, until, due_streams, due_hours) AS h
                WHERE width > '1 hour' AND h.n * s.expected_interval >= 0.85 * 3600 AND h.hour <= until - '1 hour'::interval
                GROUP BY 1
            ) AS d
        ) AS h
        CROSS JOIN LATERAL (SELECT dashboard.air_index_of(h.mean, b.moderate, b.high, b.very_high)) AS i (index)
        WHERE s.stream_id = ANY(ids)
        ORDER BY h.time, s.node_id, i.index DESC, s.quantity
    ) AS w JOIN public.node AS n USING (node_id);
END
$$;

CREATE OR REPLACE FUNCTION dashboard.wind_rose(nodes text[], since timestamptz, until timestamptz, sectors int DEFAULT 16)
RETURNS TABLE (sector int, direction float8, label text, calm_to_2 float8, from_2_to_5 float8, from_5_to_10 float8,
               above_10 float8)
LANGUAGE plpgsql STABLE ROWS 16 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    least_width interval := greatest(dashboard.step_of(wind_rose.since, wind_rose.until, NULL), '10 minutes');
    width       interval := greatest(dashboard.width_of('wind_direction', nodes, wind_rose.since, wind_rose.until, least_width),
                                     dashboard.width_of('wind_speed', nodes, wind_rose.since, wind_rose.until, least_width));
    vanes       int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('wind_direction', wind_rose.nodes) AS s);
    anemometers int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('wind_speed', wind_rose.nodes) AS s);
BEGIN
    RETURN QUERY
    WITH blown AS (
        SELECT t.sector, count(*) FILTER (WHERE t.speed < 2) AS calm, count(*) FILTER (WHERE t.speed >= 2 AND t.speed < 5) AS light,
               count(*) FILTER (WHERE t.speed >= 5 AND t.speed < 10) AS fresh, count(*) FILTER (WHERE t.speed >= 10) AS strong,
               sum(count(*)) OVER () AS total
        FROM (
            SELECT round(d.value * sectors / 360)::int % sectors AS sector, v.value AS speed
            FROM dashboard.windows(vanes, 'circular', wind_rose.since, wind_rose.until, width) AS d
            JOIN public.stream AS ds ON ds.stream_id = d.stream_id
            JOIN public.stream AS vs ON vs.node_id = ds.node_id AND vs.stream_id = ANY(anemometers)
            JOIN dashboard.windows(anemometers, 'linear', wind_rose.since, wind_rose.until, width) AS v
                ON v.stream_id = vs.stream_id AND v.time = d.time
            WHERE d.value IS NOT NULL
        ) AS t
        GROUP BY t.sector
    )
    SELECT s.sector, (s.sector * 360.0 / sectors)::float8,
           CASE WHEN sectors = 16 THEN ('{N,NNØ,NØ,ØNØ,Ø,ØSØ,SØ,SSØ,S,SSV,SV,VSV,V,VNV,NV,NNV}'::text[])[s.sector + 1]
                ELSE round(s.sector * 360.0 / sectors)::text || '°' END,
           coalesce(b.calm, 0) / t.total, coalesce(b.light, 0) / t.total, coalesce(b.fresh, 0) / t.total,
           coalesce(b.strong, 0) / t.total
    FROM generate_series(0, sectors - 1) AS s (sector)
    CROSS JOIN (SELECT max(blown.total)::float8 FROM blown) AS t (total)
    LEFT JOIN blown AS b USING (sector)
    WHERE t.total > 0
    ORDER BY s.sector;
END
$$;

-- Usual is what the same hour had in the seven days before: no model of weekends is needed to see a burst.
CREATE OR REPLACE FUNCTION dashboard.burst(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, meter text, pressure float8, usual float8,
               "drop" float8, flow float8, usual_flow float8, flow_factor float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB'
SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    -- Pairs of a gauge and the meters of the nearest node that has any.
    gauges   int[];
    meters   int[];
    of_pairs     int[];
    width    interval;
    every    interval;
    days     timestamptz[];
    earliest timestamptz := burst.since - '8 days'::interval;
BEGIN
    SELECT array_agg(p.stream_id), array_agg(m.stream_id) INTO gauges, meters
    FROM dashboard.streams('pipe_pressure', NULL) AS p
    CROSS JOIN LATERAL (
        SELECT w.node FROM dashboard.streams('water_volume', NULL) AS w
        WHERE dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude) <= 3
        ORDER BY dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude), w.node LIMIT 1
    ) AS nearest
    JOIN dashboard.streams('water_volume', NULL) AS m ON m.node = nearest.node
    WHERE burst.nodes IS NULL OR p.node = ANY(burst.nodes) OR m.node = ANY(burst.nodes);
    of_pairs := ARRAY(SELECT DISTINCT meter FROM unnest(meters) AS meter);
    -- An increase of hours is none of quarters of an hour.
    width := least(greatest(
        dashboard.step_of(burst.since, burst.until, greatest(
            burst.step, (SELECT max(s.expected_interval) FROM public.stream AS s WHERE s.stream_id = ANY(meters)) * '1 second'::interval)),
        CASE WHEN EXISTS (SELECT FROM public.retention AS r WHERE r.stream_id = ANY(gauges || meters) AND r.raw_from > burst.since)
             THEN '1 hour'::interval END, '15 minutes'), '1 hour');
    every := CASE WHEN burst.until - burst.since > '31 days' THEN '1 day' ELSE width END;
    days := dashboard.days(dashboard.window_of(burst.since, every), burst.until, every);
    RETURN QUERY
    WITH hour AS MATERIALIZED (
        SELECT h.time, h.gauge, h.meter, h.value, h.flow, avg(h.value) OVER same AS usual, avg(h.flow) OVER same AS usual_flow
        FROM (
            SELECT p.time, pair.gauge, pair.meter, p.value, pair.number,
                   f.value * CASE WHEN f.time + '1 hour'::interval <= burst.until THEN 1
                                  ELSE 3600 / date_part('epoch', burst.until - f.time) END AS flow
            FROM dashboard.windows(gauges, 'linear', earliest, burst.until, '1 hour') AS p
            JOIN unnest(gauges, meters) WITH ORDINALITY AS pair (gauge, meter, number) ON pair.gauge = p.stream_id
            JOIN dashboard.windows(of_pairs, 'counter', earliest, burst.until, '1 hour') AS f
                ON f.stream_id = pair.meter AND f.time = p.time
            OFFSET 0
        ) AS h
        WINDOW same AS (PARTITION BY h.number * 24 + date_part('hour', h.time AT TIME ZONE 'Europe/Oslo') ORDER BY h.time
                        RANGE BETWEEN '7 days 1 hour' PRECEDING AND '23 hours' PRECEDING)
    ), compared AS (
        SELECT hour.time, hour.gauge, hour.meter, hour.value AS pressure, hour.usual, hour.flow, hour.usual_flow
        FROM hour
        WHERE width = '1 hour' AND hour.time >= date_trunc('hour', burst.since, 'UTC')
        UNION ALL
        SELECT p.time, hour.gauge, hour.meter, p.value, hour.usual,
               f.value * 3600 / date_part('epoch', least(f.time + width, burst.until) - f.time), hour.usual_flow
        FROM dashboard.windows(gauges, 'linear', burst.since, burst.until, width) AS p
        JOIN hour ON hour.gauge = p.stream_id AND hour.time = date_trunc('hour', p.time, 'UTC')
        JOIN dashboard.windows(of_pairs, 'counter', burst.since, burst.until, width) AS f
            ON f.stream_id = hour.meter AND f.time = p.time
        WHERE width < '1 hour'
    ), worst AS (
        SELECT DISTINCT ON (w.time, c.gauge) w.time, c.gauge, c.meter, c.pressure, c.usual, c.flow, c.usual_flow
        FROM compared AS c CROSS JOIN LATERAL (SELECT dashboard.window_among(c.time, every, days)) AS w (time)
        WHERE c.usual IS NOT NULL AND c.usual_flow IS NOT NULL
        ORDER BY w.time, c.gauge, c.usual - c.pressure DESC NULLS LAST, c.flow / nullif(c.usual_flow, 0) DESC NULLS LAST
    )
    SELECT w.time, p.node, p.place, p.metric, m.node, w.pressure, w.usual, w.usual - w.pressure, w.flow, w.usual_flow,
           w.flow / nullif(w.usual_flow, 0)
    FROM worst AS w
    JOIN dashboard.stream AS p ON p.stream_id = w.gauge
    JOIN dashboard.stream AS m ON m.stream_id = w.meter;
END
$$;

CREATE OR REPLACE FUNCTION dashboard.inside(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, metric text, value float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start   timestamptz := dashboard.window_of(inside.since, '1 day');
    width   interval := dashboard.width_of('people_count', nodes, start, until,
                                           least(dashboard.step_of(inside.since, until, step), '1 hour'));
    days    timestamptz[] := dashboard.days(start, until, '1 day');
    doors   int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('people_count', nodes) AS s
                           WHERE s.channel LIKE 'entrance/%' OR s.channel LIKE 'exit/%');
BEGIN
    RETURN QUERY
    SELECT f.time, 'Inne i hallene',
           greatest(sum(f.value) OVER (PARTITION BY width_bucket(f.time, days) ORDER BY f.time), 0)
    FROM (
        SELECT w.time, sum(CASE WHEN s.channel LIKE 'exit/%' THEN -w.value ELSE w.value END) AS value
        FROM dashboard.windows(doors, 'total', start, until, width) AS w
        JOIN public.stream AS s USING (stream_id)
        GROUP BY w.time
    ) AS f;
END
$$;

-- How many readings streams have by civil day: from rollups, and counted one by one where these can't be taken.
CREATE OR REPLACE FUNCTION dashboard.counted(ids int[], since timestamptz, until timestamptz)
RETURNS TABLE (stream_id int, "time" timestamptz, n bigint, excluded bigint)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    days        timestamptz[] := dashboard.days(dashboard.window_of(counted.since, '1 day'), counted.until, '1 day');
    due_streams int[];
    due_hours   timestamptz[];
    first_due   timestamptz;
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, since, until) AS u;
    first_due := (SELECT coalesce(min(due.hour), 'infinity') FROM unnest(due_hours) AS due (hour));
    RETURN QUERY
    SELECT s.stream_id, days[d.day], d.n, d.excluded
    FROM public.stream AS s
    CROSS JOIN LATERAL (
        SELECT width_bucket(h.hour, days) AS day, sum(h.n) AS n, sum(h.n_excluded) AS excluded
        FROM public.reading_hour AS h
        WHERE h.stream_id = s.stream_id AND h.hour >= since AND h.hour < until
          AND (h.hour < first_due OR NOT EXISTS (SELECT FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
                                                 WHERE due.stream_id = h.stream_id AND due.hour = h.hour))
        GROUP BY 1
    ) AS d
    WHERE s.stream_id = ANY(ids);
    RETURN QUERY
    SELECT due.stream_id, dashboard.window_among(due.hour, '1 day', days),
           count(*) FILTER (WHERE dashboard.counts(r.value, r.flags)),
           count(*) FILTER (WHERE NOT dashboard.counts(r.value, r.flags))
    FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
    CROSS JOIN LATERAL (
        SELECT reading.value, reading.flags FROM public.reading
        WHERE reading.stream_id = due.stream_id
          AND reading.time >= due.hour AND reading.time < due.hour + '1 hour'::interval
          AND reading.time >= since AND reading.time < until
    ) AS r
    GROUP BY 1, 2;
END
$$;
-- It compared every day of a stream with every other: a year took a minute.
ALTER FUNCTION dashboard.coverage SET enable_mergejoin = off;
