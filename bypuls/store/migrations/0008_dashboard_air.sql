-- What dashboards ask of the air: classes, legal limits, the wind rose.

CREATE VIEW dashboard.air_bounds (quantity, moderate, high, very_high) AS
VALUES ('pm2_5', 30::float8, 50::float8, 150::float8), ('pm10', 60, 120, 400), ('no2', 100, 200, 400),
       ('o3', 100, 180, 240);
COMMENT ON VIEW dashboard.air_bounds IS 'where the classes 2 to 4 begin, in ug/m3, as in bypuls.air_quality';

CREATE VIEW dashboard.legal_limits (quantity, period, limit_value, allowed) AS
VALUES ('no2', 'hour', 200::float8, 18), ('no2', 'year', 40, 0), ('pm10', 'day', 50, 25), ('pm10', 'year', 20, 0);
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

CREATE FUNCTION dashboard.air_hours(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, quantity text, value float8, index float8, coverage float8)
LANGUAGE sql STABLE ROWS 10000 AS $$
    SELECT s.time, s.node, s.place, b.quantity, s.value,
           dashboard.air_index_of(s.value, b.moderate, b.high, b.very_high), s.coverage
    FROM dashboard.air_bounds AS b
    CROSS JOIN LATERAL dashboard.series(b.quantity, nodes, since, until, '1 hour') AS s
    WHERE s.coverage >= 0.85 AND s.time + '1 hour'::interval <= until
$$;
COMMENT ON FUNCTION dashboard.air_hours IS 'hours that are over and of which at least 85 % was measured, by station and component; ug/m3';

CREATE FUNCTION dashboard.air_index(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, value float8, index float8,
               class int, coverage float8)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT DISTINCT ON (w.window, h.node) w.window, h.node, h.place, concat(h.place, ' (' || nullif(h.node, h.place) || ')'),
           h.quantity, h.value, h.index, floor(h.index)::int, h.coverage
    FROM dashboard.air_hours(nodes, since, until) AS h
    CROSS JOIN LATERAL (SELECT CASE WHEN until - since <= '31 days'::interval THEN h.time
                                    ELSE dashboard.window_of(h.time, '1 day') END) AS w ("window")
    ORDER BY w.window, h.node, h.index DESC
$$;
COMMENT ON FUNCTION dashboard.air_index IS 'the worst component of each hour and station; beyond 31 days that of the worst hour of each civil day';

CREATE FUNCTION dashboard.air_classes(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE (node text, place text, class int, hours bigint)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT node, place, class, count(*)
    FROM (SELECT h.node, h.place, floor(max(h.index))::int AS class
          FROM dashboard.air_hours(nodes, since, until) AS h GROUP BY h.node, h.place, h.time) AS hour
    GROUP BY node, place, class
$$;
COMMENT ON FUNCTION dashboard.air_classes IS 'hours that each station spent in each class';

CREATE FUNCTION dashboard.air_now(nodes text[], at timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, latitude float8, longitude float8, quantity text, value float8,
               class int, index float8, coverage float8, worst boolean)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT h.time, h.node, h.place, n.latitude, n.longitude, h.quantity, h.value, floor(h.index)::int, h.index, h.coverage,
           row_number() OVER (PARTITION BY h.node ORDER BY h.index DESC, h.quantity) = 1
    FROM (
        SELECT *, max(time) OVER (PARTITION BY node) AS newest
        FROM dashboard.air_hours(nodes, date_trunc('hour', at, 'UTC') - '3 hours'::interval, at)
    ) AS h JOIN public.node AS n USING (node)
    WHERE h.time = h.newest
$$;
COMMENT ON FUNCTION dashboard.air_now IS 'components of each station in its last whole hour, if that began within 3 hours before the current one';

-- Means of a period compared with its limit. Day and hour by the same windows as everywhere; a running one isn't compared.
CREATE FUNCTION dashboard.limited(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, period text, value float8,
               limit_value float8, allowed int, assessed boolean)
LANGUAGE sql STABLE ROWS 10000 AS $$
    SELECT s.time, s.node, s.place, s.metric, l.quantity, l.period, s.value, l.limit_value, l.allowed,
           coalesce(s.coverage >= 0.85, false)
    FROM dashboard.legal_limits AS l
    CROSS JOIN LATERAL (VALUES (CASE l.period WHEN 'hour' THEN '1 hour'::interval ELSE '1 day' END)) AS w (width)
    CROSS JOIN LATERAL dashboard.series(l.quantity, nodes, since, until, w.width) AS s
    WHERE l.period IN ('hour', 'day') AND dashboard.window_end(s.time, w.width) <= until
$$;

CREATE FUNCTION dashboard.exceedance_times(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, quantity text, period text, value float8,
               limit_value float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT time, node, place, metric, quantity, period, value, limit_value
    FROM dashboard.limited(nodes, since, until) WHERE assessed AND value > limit_value
$$;
COMMENT ON FUNCTION dashboard.exceedance_times IS 'hours and days above their legal limit, of which at least 85 % was measured; ug/m3';

CREATE FUNCTION dashboard.exceedances(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, metric text, quantity text, period text, limit_value float8, allowed int,
               exceeded bigint, allowance_left bigint, assessed bigint, not_assessed bigint,
               last_exceeded timestamptz, last_value float8, mean_so_far float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH year AS (
        SELECT date_trunc('year', at, 'Europe/Oslo') AS since
    ), days AS (
        SELECT count(*) AS days
        FROM year, generate_series(since, date_trunc('day', at, 'Europe/Oslo') - '1 microsecond'::interval, '1 day', 'Europe/Oslo')
    ), compared AS (
        SELECT l.*, l.assessed AND l.value > l.limit_value AS above
        FROM year CROSS JOIN LATERAL dashboard.limited(nodes, year.since, at) AS l
        WHERE l.time >= year.since
    ), counted AS (
        SELECT c.node, c.place, c.metric, c.quantity, c.period, c.limit_value, c.allowed,
               count(*) FILTER (WHERE above) AS exceeded, count(*) FILTER (WHERE assessed) AS assessed,
               max(c.time) FILTER (WHERE above) AS last_exceeded,
               (array_agg(c.value ORDER BY c.time DESC) FILTER (WHERE above))[1] AS last_value
        FROM compared AS c
        GROUP BY c.node, c.place, c.metric, c.quantity, c.period, c.limit_value, c.allowed
    )
    SELECT c.node, c.place, c.metric, c.quantity, c.period, c.limit_value, c.allowed, c.exceeded, c.allowed - c.exceeded,
           c.assessed,
           CASE c.period WHEN 'day' THEN days.days
                         ELSE floor(extract(epoch FROM at - year.since) / 3600)::bigint END - c.assessed,
           c.last_exceeded, c.last_value, NULL::float8
    FROM counted AS c, days, year
    UNION ALL
    SELECT s.node, s.place, s.metric, l.quantity, l.period, l.limit_value, l.allowed, 0, l.allowed, 0, 0, NULL, NULL,
           sum(s.n * s.value) / sum(s.n)
    FROM year CROSS JOIN dashboard.legal_limits AS l
    CROSS JOIN LATERAL dashboard.series(l.quantity, nodes, year.since, at, '1 day') AS s
    WHERE l.period = 'year' AND s.time >= year.since
    GROUP BY s.node, s.place, s.metric, l.quantity, l.period, l.limit_value, l.allowed
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
