-- What dashboards ask of the air: classes, legal limits, the wind rose.

CREATE VIEW dashboard.air_bounds (quantity, moderate, high, very_high) AS
VALUES ('pm2_5', 30::float8, 50::float8, 150::float8), ('pm10', 60, 120, 400), ('no2', 100, 200, 400),
       ('o3', 100, 180, 240);
COMMENT ON VIEW dashboard.air_bounds IS 'where the classes 2 to 4 begin, in ug/m3, as in bypuls.air_quality';

CREATE VIEW dashboard.legal_limits (number, quantity, period, limit_value, allowed) AS
VALUES (1, 'no2', 'hour', 200::float8, 18), (2, 'no2', 'year', 40, 0), (3, 'pm10', 'day', 50, 25), (4, 'pm10', 'year', 20, 0);
COMMENT ON VIEW dashboard.legal_limits IS 'forurensningsforskriften kap. 7, in ug/m3, as in bypuls.legal_limits';

CREATE FUNCTION dashboard.air_index_of(value float8, moderate float8, high float8, very_high float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN value < moderate THEN greatest(least(1 + value / moderate, 2 - 2.5e-16::float8), 1)
    WHEN value < high THEN least(2 + (value - moderate) / (high - moderate), 3 - 4.5e-16::float8)
    WHEN value < very_high THEN least(3 + (value - high) / (very_high - high), 4 - 4.5e-16::float8)
    ELSE least(4 + (value - very_high) / (very_high - high), 4.999)
END;
COMMENT ON FUNCTION dashboard.air_index_of IS 'continuous index of an hourly mean, as bypuls.air_quality.index; its whole part is the class';

-- Rows without texts, of which a year of hours of many stations has gigabytes.
CREATE FUNCTION dashboard.air_of(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node_id int, stream_id int, quantity text, value float8, index float8, coverage float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    bounds record;
    ids    int[];
BEGIN
    FOR bounds IN SELECT * FROM dashboard.air_bounds LOOP
        ids := ARRAY(SELECT s.stream_id FROM dashboard.streams(bounds.quantity, nodes) AS s);
        RETURN QUERY
        SELECT w.time, s.node_id, w.stream_id, bounds.quantity, w.value,
               dashboard.air_index_of(w.value, bounds.moderate, bounds.high, bounds.very_high),
               least(w.n * s.expected_interval / 3600, 1)
        FROM dashboard.windows(ids, 'linear', air_of.since, air_of.until, '1 hour') AS w
        JOIN public.stream AS s USING (stream_id)
        WHERE w.n * s.expected_interval >= 0.85 * 3600 AND w.time + '1 hour'::interval <= air_of.until;
    END LOOP;
END
$$;

CREATE FUNCTION dashboard.air_hours(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, value float8, index float8,
               coverage float8)
LANGUAGE sql STABLE ROWS 10000 AS $$
    SELECT a.time, s.node, s.place, s.metric, a.quantity, a.value, a.index, a.coverage
    FROM dashboard.air_of(nodes, since, until) AS a JOIN dashboard.stream AS s USING (stream_id)
$$;
COMMENT ON FUNCTION dashboard.air_hours IS 'hours that are over and of which at least 85 % was measured, by station and component; ug/m3';

CREATE FUNCTION dashboard.air_index(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, value float8, index float8,
               class int, coverage float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    width interval := CASE WHEN air_index.until - air_index.since <= '31 days' THEN '1 hour'::interval ELSE '1 day' END;
    days  timestamptz[] := ARRAY(SELECT generate_series(
        dashboard.window_of(air_index.since, '1 day'), air_index.until + '26 hours'::interval, '1 day', 'Europe/Oslo'));
BEGIN
    RETURN QUERY
    SELECT w.time, n.node, coalesce(n.place, n.node), coalesce(n.place || ' (' || n.node || ')', n.node),
           w.quantity, w.worst[2], w.worst[1], floor(w.worst[1])::int, w.worst[3]
    FROM (
        SELECT DISTINCT ON (a.time, a.node_id) a.*
        FROM (
            SELECT dashboard.window_among(a.time, width, days) AS time, a.node_id, a.quantity,
                   max(ARRAY[a.index, a.value, a.coverage]) AS worst
            FROM dashboard.air_of(air_index.nodes, air_index.since, air_index.until) AS a
            GROUP BY 1, 2, 3
        ) AS a
        ORDER BY a.time, a.node_id, a.worst[1] DESC
    ) AS w JOIN public.node AS n USING (node_id);
END
$$;
COMMENT ON FUNCTION dashboard.air_index IS 'the worst component of each hour and station; beyond 31 days that of the worst hour of each civil day';

CREATE FUNCTION dashboard.air_classes(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE (node text, place text, class int, hours bigint)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT n.node, coalesce(n.place, n.node), hour.class, count(*)
    FROM (SELECT a.node_id, floor(max(a.index))::int AS class
          FROM dashboard.air_of(nodes, since, until) AS a GROUP BY a.node_id, a.time) AS hour
    JOIN public.node AS n USING (node_id)
    GROUP BY n.node, n.place, hour.class
$$;
COMMENT ON FUNCTION dashboard.air_classes IS 'hours that each station spent in each class';

CREATE FUNCTION dashboard.air_now(nodes text[], at timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, latitude float8, longitude float8, metric text, quantity text,
               value float8, class int, index float8, coverage float8, worst boolean)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT h.time, h.node, h.place, n.latitude, n.longitude, h.metric, h.quantity, h.value, floor(h.index)::int, h.index,
           h.coverage, row_number() OVER (PARTITION BY h.node ORDER BY h.index DESC, h.quantity, h.metric) = 1
    FROM (
        SELECT *, max(time) OVER (PARTITION BY node) AS newest
        FROM dashboard.air_hours(nodes, date_trunc('hour', at, 'UTC') - '3 hours'::interval, at)
    ) AS h JOIN public.node AS n USING (node)
    WHERE h.time = h.newest
$$;
COMMENT ON FUNCTION dashboard.air_now IS 'components of each station in its last whole hour, if that began within 3 hours before the current one';

-- Means of periods that are over, with the limit they are compared with; rows without texts again.
CREATE FUNCTION dashboard.limited(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE (stream_id int, "limit" int, "time" timestamptz, value float8, assessed boolean, above boolean)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    one   record;
    width interval;
    ids   int[];
BEGIN
    FOR one IN SELECT * FROM dashboard.legal_limits AS l WHERE l.period <> 'year' LOOP
        width := CASE one.period WHEN 'hour' THEN '1 hour' ELSE '1 day' END;
        ids := ARRAY(SELECT s.stream_id FROM dashboard.streams(one.quantity, nodes) AS s);
        RETURN QUERY
        SELECT w.stream_id, one.number, w.time, w.value, c.enough, c.enough AND w.value > one.limit_value
        FROM dashboard.windows(ids, 'linear', limited.since, limited.until, width) AS w
        JOIN public.stream AS s USING (stream_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(w.n * s.expected_interval
                            >= 0.85 * date_part('epoch', dashboard.window_end(w.time, width) - w.time), false)
        ) AS c (enough)
        WHERE dashboard.window_end(w.time, width) <= limited.until;
    END LOOP;
END
$$;

CREATE FUNCTION dashboard.exceedance_times(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, period text, value float8,
               limit_value float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT x.time, s.node, s.place, s.metric, l.quantity, l.period, x.value, l.limit_value
    FROM dashboard.limited(nodes, since, until) AS x
    JOIN dashboard.stream AS s USING (stream_id)
    JOIN dashboard.legal_limits AS l ON l.number = x.limit
    WHERE x.above
$$;
COMMENT ON FUNCTION dashboard.exceedance_times IS 'hours and days above their legal limit, of which at least 85 % was measured; ug/m3';

CREATE FUNCTION dashboard.exceedances(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, metric text, quantity text, period text, limit_value float8, allowed int,
               exceeded bigint, allowance_left bigint, assessed bigint, not_assessed bigint,
               last_exceeded timestamptz, last_value float8, mean_so_far float8)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    year  timestamptz := date_trunc('year', at, 'Europe/Oslo');
    one   record;
    width interval;
    whole bigint;
    ids   int[];
BEGIN
    -- A quantity's windows tell of its limit by hour or day, and of its mean so far.
    FOR one IN SELECT * FROM dashboard.legal_limits AS l WHERE l.period <> 'year' LOOP
        width := CASE one.period WHEN 'hour' THEN '1 hour' ELSE '1 day' END;
        whole := CASE one.period
            WHEN 'hour' THEN floor(date_part('epoch', at - year) / 3600)
            ELSE (SELECT count(*) FROM generate_series(
                year, date_trunc('day', at, 'Europe/Oslo') - '1 microsecond'::interval, '1 day', 'Europe/Oslo')) END;
        ids := ARRAY(SELECT s.stream_id FROM dashboard.streams(one.quantity, nodes) AS s);
        RETURN QUERY
        WITH compared AS (
            SELECT w.stream_id, count(*) FILTER (WHERE c.above) AS exceeded, count(*) FILTER (WHERE c.enough) AS assessed,
                   max(ARRAY[date_part('epoch', w.time), w.value]) FILTER (WHERE c.above) AS last,
                   sum(w.n * w.value) / sum(w.n) AS mean
            FROM dashboard.windows(ids, 'linear', year, at, width) AS w
            JOIN public.stream AS s USING (stream_id)
            CROSS JOIN LATERAL (
                SELECT CASE WHEN width = '1 hour' THEN w.time + width ELSE dashboard.window_end(w.time, width) END
            ) AS e (next)
            CROSS JOIN LATERAL (
                SELECT e.next <= at AND w.n * s.expected_interval >= 0.85 * date_part('epoch', e.next - w.time)
            ) AS m (measured)
            CROSS JOIN LATERAL (SELECT m.measured, m.measured AND w.value > one.limit_value) AS c (enough, above)
            GROUP BY w.stream_id
        )
        SELECT s.node, s.place, s.metric, l.quantity, l.period, l.limit_value, l.allowed, r.exceeded,
               l.allowed - r.exceeded, r.assessed, r.not_assessed, r.last_exceeded, r.last_value, r.mean
        FROM compared AS c JOIN dashboard.stream AS s USING (stream_id)
        JOIN dashboard.legal_limits AS l ON l.quantity = one.quantity
        CROSS JOIN LATERAL (
            SELECT c.exceeded, c.assessed, whole - c.assessed, to_timestamp(c.last[1]), c.last[2], NULL::float8
            WHERE l.period <> 'year'
            UNION ALL
            SELECT 0, 0, 0, NULL, NULL, c.mean WHERE l.period = 'year'
        ) AS r (exceeded, assessed, not_assessed, last_exceeded, last_value, mean);
    END LOOP;
END
$$;
COMMENT ON FUNCTION dashboard.exceedances IS 'the civil year so far against the legal limits; the limits of a whole year are compared when it is over, until then mean_so_far tells';

CREATE FUNCTION dashboard.wind_rose(nodes text[], since timestamptz, until timestamptz, sectors int DEFAULT 16)
RETURNS TABLE (sector int, direction float8, label text, calm_to_2 float8, from_2_to_5 float8, from_5_to_10 float8,
               above_10 float8)
LANGUAGE sql STABLE ROWS 16 AS $$
    WITH blown AS (
        SELECT round(d.value * sectors / 360)::int % sectors AS sector, v.value AS speed
        FROM (VALUES (greatest(dashboard.step_of(since, until, NULL), '10 minutes'))) AS w (width)
        CROSS JOIN LATERAL dashboard.series('wind_direction', nodes, since, until, w.width) AS d
        JOIN LATERAL dashboard.series('wind_speed', nodes, since, until, w.width) AS v ON (v.node, v.time) = (d.node, d.time)
        WHERE d.value IS NOT NULL
    )
    SELECT s.sector, s.sector * 360.0 / sectors,
           CASE WHEN sectors = 16 THEN ('{N,NNØ,NØ,ØNØ,Ø,ØSØ,SØ,SSØ,S,SSV,SV,VSV,V,VNV,NV,NNV}'::text[])[s.sector + 1]
                ELSE round(s.sector * 360.0 / sectors)::text || '°' END,
           count(*) FILTER (WHERE speed < 2) / total.rows, count(*) FILTER (WHERE speed >= 2 AND speed < 5) / total.rows,
           count(*) FILTER (WHERE speed >= 5 AND speed < 10) / total.rows, count(*) FILTER (WHERE speed >= 10) / total.rows
    FROM generate_series(0, sectors - 1) AS s (sector)
    CROSS JOIN (SELECT count(*)::float8 AS rows FROM blown) AS total
    LEFT JOIN blown USING (sector)
    WHERE total.rows > 0
    GROUP BY s.sector, total.rows
    ORDER BY s.sector
$$;
COMMENT ON FUNCTION dashboard.wind_rose IS 'share of the time, 0 to 1, in which wind of a speed (m/s) came from a sector; of at least 10 minutes'' means';

GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO bypuls_grafana;
