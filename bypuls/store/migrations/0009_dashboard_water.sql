-- What dashboards ask of rivers and the water network.

CREATE VIEW dashboard.thresholds AS
SELECT s.node, s.place, s.channel, s.metric, s.quantity, s.unit, t.level, t.value
FROM public.threshold AS t JOIN dashboard.stream AS s USING (stream_id);
COMMENT ON VIEW dashboard.thresholds IS 'what the owners of gauges compare them with: yellow, orange, red; no flood warnings of NVE';

CREATE FUNCTION dashboard.threshold_lines(quantity text, nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, metric text, level text, value float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT e.time, t.node, t.metric || ': ' || t.level, t.level, t.value
    FROM dashboard.thresholds AS t CROSS JOIN (VALUES (since), (until)) AS e (time)
    WHERE t.quantity = threshold_lines.quantity AND (nodes IS NULL OR t.node = ANY(nodes))
$$;
COMMENT ON FUNCTION dashboard.threshold_lines IS 'the thresholds as lines from since to until';

CREATE FUNCTION dashboard.latest(quantity text, nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, owner text, latitude float8, longitude float8, channel text, metric text,
               "time" timestamptz, value float8, unit text, age interval, flags int, doubtful boolean)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT s.node, s.place, s.owner, s.latitude, s.longitude, s.channel, s.metric, r.time, r.value, s.unit, at - r.time,
           r.flags::int, r.flags <> 0
    FROM dashboard.streams(quantity, nodes) AS s
    CROSS JOIN LATERAL (
        SELECT reading.time, reading.value, reading.flags FROM public.reading
        WHERE reading.stream_id = s.stream_id AND reading.time <= at AND reading.time > at - '7 days'::interval
        ORDER BY reading.time DESC LIMIT 1
    ) AS r
$$;
COMMENT ON FUNCTION dashboard.latest IS 'the newest reading of each stream, at most 7 days old';

CREATE FUNCTION dashboard.rise(
    quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL,
    "over" interval DEFAULT '3 hours')
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, value float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    width interval := dashboard.width_of(rise.quantity, rise.nodes, rise.since - "over", rise.until, rise.step);
    back  interval := ceil(extract(epoch FROM "over") / extract(epoch FROM width)) * width;
BEGIN
    RETURN QUERY
    SELECT r.time, r.node, r.place, r.metric,
           (r.value - r.before) * 3600 / nullif(extract(epoch FROM r.time - r.then), 0)::float8
    FROM (
        SELECT s.*, first_value(s.value) OVER earlier AS before, first_value(s.time) OVER earlier AS "then"
        FROM dashboard.series(rise.quantity, rise.nodes, rise.since - back, rise.until, width) AS s
        WINDOW earlier AS (PARTITION BY s.node, s.channel ORDER BY s.time
                           RANGE BETWEEN back * 1.05 PRECEDING AND back * 0.7 PRECEDING)
    ) AS r
    WHERE r.before IS NOT NULL AND r.time >= rise.since - width;
END
$$;
COMMENT ON FUNCTION dashboard.rise IS 'how much a quantity rose by the hour, in its unit, from `over` before until then; by the means of windows';

CREATE FUNCTION dashboard.river_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, latitude float8, longitude float8, metric text, quantity text, unit text,
               "time" timestamptz, value float8, yellow float8, orange float8, red float8, level int, rise_per_hour float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT s.node, s.place, s.latitude, s.longitude, s.metric, s.quantity, s.unit, newest.time, newest.value,
           t.yellow, t.orange, t.red,
           CASE WHEN newest.value > t.red THEN 3 WHEN newest.value > t.orange THEN 2 WHEN newest.value > t.yellow THEN 1
                ELSE 0 END,
           rise.value
    FROM dashboard.stream AS s
    CROSS JOIN LATERAL (
        SELECT r.time, r.value FROM public.reading AS r
        WHERE r.stream_id = s.stream_id AND r.time <= at AND r.time > at - '1 day'::interval
          AND dashboard.counts(r.value, r.flags)
        ORDER BY r.time DESC LIMIT 1
    ) AS newest
    LEFT JOIN LATERAL (
        SELECT max(value) FILTER (WHERE level = 'yellow') AS yellow, max(value) FILTER (WHERE level = 'orange') AS orange,
               max(value) FILTER (WHERE level = 'red') AS red
        FROM public.threshold WHERE threshold.stream_id = s.stream_id
    ) AS t ON true
    LEFT JOIN LATERAL (
        SELECT (avg(r.value) FILTER (WHERE r.time > at - '1 hour'::interval)
                - avg(r.value) FILTER (WHERE r.time <= at - '3 hours'::interval)) / 3 AS value
        FROM public.reading AS r
        WHERE r.stream_id = s.stream_id AND r.time <= at AND r.time > at - '4 hours'::interval
          AND dashboard.counts(r.value, r.flags)
    ) AS rise ON true
    WHERE s.quantity IN ('water_level', 'discharge') AND (nodes IS NULL OR s.node = ANY(nodes))
$$;
COMMENT ON FUNCTION dashboard.river_now IS 'the newest reading that counts of each gauge, at most a day old, against its thresholds; rise_per_hour is the mean of the last hour against that of 3 hours before';

CREATE FUNCTION dashboard.apart(latitude float8, longitude float8, other_latitude float8, other_longitude float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 111.2 * sqrt((latitude - other_latitude) ^ 2 + ((longitude - other_longitude) * cosd(latitude)) ^ 2);
COMMENT ON FUNCTION dashboard.apart IS 'kilometres between two points that are close to each other';

-- Usual is what the same hour had in the seven days before: no model of weekends is needed to see a burst.
CREATE FUNCTION dashboard.burst(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, meter text, pressure float8, usual float8,
               "drop" float8, flow float8, usual_flow float8, flow_factor float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    width  interval := least(greatest(dashboard.step_of(burst.since, burst.until, burst.step), '15 minutes'), '1 hour');
    every  interval := CASE WHEN burst.until - burst.since > '31 days' THEN '1 day' ELSE width END;
    gauges text[];
    meters text[];
BEGIN
    SELECT array_agg(p.node), array_agg(m.node) INTO gauges, meters
    FROM (SELECT DISTINCT s.node, s.latitude, s.longitude FROM dashboard.streams('pipe_pressure', NULL) AS s) AS p
    CROSS JOIN LATERAL (
        SELECT w.node FROM dashboard.streams('water_volume', NULL) AS w
        WHERE dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude) <= 3
        ORDER BY dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude), w.node LIMIT 1
    ) AS m
    WHERE burst.nodes IS NULL OR p.node = ANY(burst.nodes) OR m.node = ANY(burst.nodes);
    RETURN QUERY
    WITH hour AS MATERIALIZED (
        SELECT p.time, p.node, p.place, p.metric, f.node AS meter, p.value, f.value AS flow,
               avg(p.value) OVER same AS usual, avg(f.value) OVER same AS usual_flow, f.metric AS meter_metric
        FROM dashboard.series('pipe_pressure', gauges, burst.since - '8 days'::interval, burst.until, '1 hour') AS p
        JOIN unnest(gauges, meters) AS pair (gauge, meter) ON pair.gauge = p.node
        JOIN dashboard.rate('water_volume', meters, burst.since - '8 days'::interval, burst.until, '1 hour') AS f
            ON f.node = pair.meter AND f.time = p.time
        WINDOW same AS (PARTITION BY p.metric, f.metric, date_part('hour', p.time AT TIME ZONE 'Europe/Oslo') ORDER BY p.time
                        RANGE BETWEEN '7 days 1 hour' PRECEDING AND '23 hours' PRECEDING)
    ), compared AS (
        SELECT hour.time, hour.node, hour.place, hour.metric, hour.meter, hour.value AS pressure, hour.usual, hour.flow,
               hour.usual_flow
        FROM hour
        WHERE width = '1 hour' AND hour.time >= date_trunc('hour', burst.since, 'UTC')
        UNION ALL
        SELECT p.time, p.node, p.place, p.metric, hour.meter, p.value, hour.usual, f.value, hour.usual_flow
        FROM dashboard.series('pipe_pressure', gauges, burst.since, burst.until, width) AS p
        JOIN hour ON hour.metric = p.metric AND hour.time = date_trunc('hour', p.time, 'UTC')
        JOIN dashboard.rate('water_volume', meters, burst.since, burst.until, width) AS f
            ON f.metric = hour.meter_metric AND f.time = p.time
        WHERE width < '1 hour'
    )
    SELECT DISTINCT ON (w.time, c.metric) w.time, c.node, c.place, c.metric, c.meter, c.pressure, c.usual, c.usual - c.pressure,
           c.flow, c.usual_flow, c.flow / nullif(c.usual_flow, 0)
    FROM compared AS c CROSS JOIN LATERAL (SELECT dashboard.window_of(c.time, every)) AS w (time)
    WHERE c.usual IS NOT NULL AND c.usual_flow IS NOT NULL
    ORDER BY w.time, c.metric, c.usual - c.pressure DESC NULLS LAST, c.flow / nullif(c.usual_flow, 0) DESC NULLS LAST;
END
$$;
COMMENT ON FUNCTION dashboard.burst IS 'pressure (bar) and the flow (m3/h) through the nearest meter within 3 km, against the mean of the same civil hour of the 7 days before; beyond 31 days the greatest drop of each civil day';

CREATE FUNCTION dashboard.night_flow(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, value float8, coverage float8)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT dashboard.window_of(r.time, '1 day'), r.node, r.place, r.metric, avg(r.value), avg(r.coverage)
    FROM dashboard.rate('water_volume', nodes, since, until, '1 hour') AS r
    WHERE date_part('hour', r.time AT TIME ZONE 'Europe/Oslo') IN (2, 3)
    GROUP BY 1, 2, 3, 4
    HAVING max(r.time) + '1 hour'::interval <= until
$$;
COMMENT ON FUNCTION dashboard.night_flow IS 'mean flow from 02 to 04 civil time, m3/h, by day: what flows while nobody draws water is lost';

GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO bypuls_grafana;
