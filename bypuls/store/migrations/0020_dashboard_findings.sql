-- What is unusual is told by one table of conditions: the list of dashboards and the alert rules ask the same functions, and
-- a kind of finding is the uid of the rule that tells the same, as grave as it.

-- Rounded, so that a mean of exactly the limit isn't above it.
CREATE FUNCTION dashboard.no2_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, metric text, "time" timestamptz, value float8, three_hours float8)
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT h.node, h.place, h.metric, h.times[1],
           CASE WHEN h.times[1] >= date_trunc('hour', at, 'UTC') - '3 hours'::interval THEN h.values[1] END,
           CASE WHEN h.times[1] - h.times[3] = '2 hours' THEN least(h.values[1], h.values[2], h.values[3]) END
    FROM (
        SELECT s.node, s.place, s.metric, array_agg(s.time ORDER BY s.time DESC) AS times,
               array_agg(round(s.value::numeric, 6)::float8 ORDER BY s.time DESC) AS values
        FROM dashboard.series('no2', no2_now.nodes, date_trunc('hour', at, 'UTC') - '4 hours'::interval,
                              date_trunc('hour', at, 'UTC'), '1 hour') AS s
        WHERE s.coverage >= 0.85
        GROUP BY s.node, s.place, s.metric
    ) AS h
$$;
COMMENT ON FUNCTION dashboard.no2_now IS 'NO2 of each station in the newest whole hour of the last 3 of which at least 85 % was measured, and the least of the newest three such hours in a row, of the last 4, for the one that has just ended may still be on its way; ug/m3';

CREATE FUNCTION dashboard.pm10_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, metric text, "time" timestamptz, value float8)
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT DISTINCT ON (s.metric) s.node, s.place, s.metric, s.time, round(s.value::numeric, 6)::float8
    FROM dashboard.series('pm10', pm10_now.nodes, at - '60 hours'::interval, at, '1 day') AS s
    WHERE s.coverage >= 0.85
    ORDER BY s.metric, s.time DESC
$$;
COMMENT ON FUNCTION dashboard.pm10_now IS 'PM10 of each station over the newest civil day of which at least 85 % was measured: the running one from that moment on; ug/m3';

CREATE FUNCTION dashboard.burst_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, metric text, since timestamptz, pressure float8, "drop" float8, flow_factor float8)
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT DISTINCT ON (b.metric) b.node, b.place, b.metric, b.since, b.pressure, b.drop, coalesce(b.flow_factor, 0)
    FROM (
        SELECT x.*, min(x.time) FILTER (WHERE x.drop >= 0.5 AND x.flow_factor > 1.5) OVER (PARTITION BY x.metric) AS since
        FROM dashboard.burst(burst_now.nodes, at - '3 hours'::interval, at, '15 minutes') AS x
    ) AS b
    WHERE b.time >= dashboard.window_of(at - '30 minutes'::interval, '15 minutes')
    ORDER BY b.metric, b.drop >= 0.5 DESC, b.flow_factor DESC NULLS LAST
$$;
COMMENT ON FUNCTION dashboard.burst_now IS 'of each gauge the worst quarter of the last half hour: with the greatest flow while the pressure is at least 0.5 bar below the usual one, or else the greatest flow; since: when both were first so in the last 3 hours';

-- A node that measures each minute and reports every ten is not silent in between: the rule waits as long.
CREATE FUNCTION dashboard.silent(seconds float8, "interval" float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(seconds > 3 * coalesce("interval", 900) + 600, false);
COMMENT ON FUNCTION dashboard.silent IS 'whether a node has been silent for ten minutes more than three of its intervals, of 15 min where none is known';

-- In a town whose quickest node measures every ten minutes, five minutes without readings are nothing.
DROP FUNCTION dashboard.lag_now;
CREATE FUNCTION dashboard.lag_now(at timestamptz)
RETURNS TABLE (last_received timestamptz, seconds float8, overdue_seconds float8)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT h.last, s.seconds, s.seconds - coalesce(h.quickest, 0)
    FROM (
        SELECT max(h.last_seen) AS last,
               min(coalesce(h.interval, 900)) FILTER (WHERE h.last_seen > at - '1 day'::interval) AS quickest
        FROM dashboard.heard(NULL, at) AS h
    ) AS h
    CROSS JOIN LATERAL (SELECT extract(epoch FROM at - h.last)::float8) AS s (seconds)
$$;
COMMENT ON FUNCTION dashboard.lag_now IS 'seconds since ingest last received a pack of any node, which it notes to some 10 s, and how many of these are more than the shortest interval of the nodes heard in the last day, of 15 min where none is known';

CREATE OR REPLACE FUNCTION dashboard.findings(nodes text[], at timestamptz)
RETURNS TABLE (severity int, kind text, what text, node text, place text, latitude float8, longitude float8,
               since timestamptz, value float8, unit text)
LANGUAGE plpgsql STABLE ROWS 20 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    river   record;
    crosses float8;
    today   timestamptz := dashboard.window_of(at, '1 day');
BEGIN
    FOR river IN SELECT * FROM dashboard.river_now(findings.nodes, at) AS r WHERE r.level > 0 LOOP
        crosses := CASE river.level WHEN 3 THEN river.red WHEN 2 THEN river.orange ELSE river.yellow END;
        RETURN QUERY
        SELECT CASE river.level WHEN 1 THEN 2 ELSE 3 END, CASE river.level WHEN 1 THEN 'river-level' ELSE 'river-high' END,
               format('%s over %s terskel (%s %s)', dashboard.quantity_name(river.quantity),
                      CASE river.level WHEN 3 THEN 'rød' WHEN 2 THEN 'oransje' ELSE 'gul' END,
                      replace(crosses::text, '.', ','), replace(river.unit, 'm3/s', 'm³/s')),
               river.node, river.place, river.latitude, river.longitude, coalesce(max(s.time) + '1 hour'::interval,
                   at - '7 days'::interval), river.value, replace(river.unit, 'm3/s', 'm³/s')
        FROM dashboard.series(river.quantity, ARRAY[river.node], at - '7 days'::interval, at, '1 hour') AS s
        WHERE s.metric = river.metric AND s.value <= crosses;
    END LOOP;

    RETURN QUERY
    SELECT 2, 'river-rise', 'Vannet stiger fort', r.node, r.place, r.latitude, r.longitude, r.time - '3 hours'::interval,
           r.rise_per_hour, 'm/h'
    FROM dashboard.river_now(findings.nodes, at) AS r
    WHERE r.quantity = 'water_level' AND r.rise_per_hour > 0.05;

    RETURN QUERY
    WITH class AS MATERIALIZED (
        SELECT a.*, coalesce(better.last + '1 hour'::interval, at - '2 days'::interval) AS since
        FROM dashboard.air_now(findings.nodes, at) AS a
        LEFT JOIN LATERAL (
            SELECT max(h.time) AS last
            FROM dashboard.air_index(ARRAY[a.node], at - '2 days'::interval, at) AS h WHERE h.class < 3
        ) AS better ON true
        WHERE a.worst AND a.class >= 3
    ), no2 AS MATERIALIZED (
        SELECT n.*, n.three_hours > 400 AS alarm, coalesce(c.since, n.time) AS since
        FROM dashboard.no2_now(findings.nodes, at) AS n LEFT JOIN class AS c ON c.node = n.node AND c.quantity = 'no2'
        WHERE n.value > 200 OR n.three_hours > 400
    ), found AS (
        SELECT 3 AS severity, 'no2-three-hours' AS kind, 'NO₂ over alarmterskelen i tre timer (400)' AS what, no2.node,
               no2.since, no2.three_hours AS value
        FROM no2 WHERE no2.alarm
        UNION ALL
        SELECT CASE WHEN no2.value > 400 THEN 3 ELSE 2 END, 'no2-hour', 'NO₂ over timegrensen (200)', no2.node, no2.since,
               no2.value
        FROM no2 WHERE no2.alarm IS NOT TRUE
        UNION ALL
        SELECT 2, 'pm10-day', 'PM10 over døgngrensen (50)', p.node, p.time, p.value
        FROM dashboard.pm10_now(findings.nodes, at) AS p WHERE p.value > 50
        UNION ALL
        SELECT c.class - 1, 'air-class', format('%s luftforurensning (%s)',
                   CASE c.class WHEN 3 THEN 'Høy' ELSE 'Svært høy' END, dashboard.quantity_name(c.quantity)),
               c.node, c.since, c.value
        FROM class AS c
        WHERE NOT EXISTS (SELECT FROM no2 WHERE no2.node = c.node AND c.quantity = 'no2')
    )
    SELECT f.severity, f.kind, f.what, f.node, coalesce(n.place, n.node), n.latitude, n.longitude, f.since, f.value, 'µg/m³'
    FROM found AS f JOIN public.node AS n USING (node);

    RETURN QUERY
    SELECT 3, 'pipe-burst', format('Trykkfall på %s bar og %s ganger vanlig forbruk: brudd på ledning?',
               replace(round(b.drop::numeric, 1)::text, '.', ','), replace(round(b.flow_factor::numeric, 1)::text, '.', ',')),
           b.node, b.place, n.latitude, n.longitude, b.since, b.pressure, 'bar'
    FROM dashboard.burst_now(findings.nodes, at) AS b JOIN public.node AS n ON n.node = b.node
    WHERE b.drop >= 0.5 AND b.flow_factor > 1.5;

    RETURN QUERY
    SELECT 1, f.kind, f.what, f.node, f.place, f.latitude, f.longitude, f.since, f.value, f.unit
    FROM dashboard.node_status(findings.nodes, at) AS s
    CROSS JOIN LATERAL (SELECT dashboard.silent(s.silent_seconds, s.interval_seconds)) AS of_it (silent)
    CROSS JOIN LATERAL (
        SELECT 'node-silent', format('Noden har ikke sendt på %s måleintervaller', floor(s.silent_intervals)), s.node, s.place,
               s.latitude, s.longitude, s.last_seen, s.silent_seconds / 60, 'min'
        WHERE of_it.silent
        UNION ALL
        SELECT 'coverage-low',
               CASE WHEN s.last_seen IS NULL THEN 'Noden er registrert, men har aldri sendt noe'
                    ELSE format('Bare %s %% av dagens målinger er kommet', floor(100 * s.coverage_today)) END,
               s.node, s.place, s.latitude, s.longitude, today, 100 * s.coverage_today, '%'
        WHERE s.coverage_today < 0.85 AND at >= today + '1 hour'::interval AND NOT of_it.silent
    ) AS f (kind, what, node, place, latitude, longitude, since, value, unit);

    RETURN QUERY
    SELECT 3, 'ingest-lag', 'Mottaket står: ingen node får lagret noe', NULL, NULL, NULL::float8, NULL::float8,
           l.last_received, l.seconds / 60, 'min'
    FROM dashboard.lag_now(at) AS l WHERE l.overdue_seconds > 300
    UNION ALL
    SELECT 2, 'quarantine-rising', format('Meldinger i karantene: %s', q.reason), NULL, NULL, NULL, NULL,
           at - '15 minutes'::interval, q.kinds::float8, NULL
    FROM dashboard.quarantine_reasons(at - '15 minutes'::interval, at) AS q WHERE q.kinds > 20
    UNION ALL
    SELECT 2, 'rollup-backlog', 'Timesummene henger etter', NULL, NULL, NULL, NULL, b.waiting_since, b.age_seconds / 60,
           'min'
    FROM dashboard.backlog(at) AS b WHERE b.age_seconds > 1800;
END
$$;
COMMENT ON FUNCTION dashboard.findings IS 'severity 1 look, 2 act, 3 urgent; kinds are uids of alert rules, and air-class; value in the unit beside it. Thresholds are the gauges'' own';

CREATE FUNCTION dashboard.told(value float8, unit text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws(' ', replace(trim_scale(round(value::numeric, CASE WHEN abs(value) < 100 THEN 2 ELSE 0 END))::text, '.', ','), unit);
COMMENT ON FUNCTION dashboard.told IS 'a value with its unit, as Norwegians write it';

-- An empty list and one that could not be asked for look alike: that nothing is unusual is a row.
CREATE FUNCTION dashboard.unusual(nodes text[], at timestamptz)
RETURNS TABLE (severity int, kind text, what text, node text, place text, since timestamptz, told text)
LANGUAGE sql STABLE ROWS 20 AS $$
    WITH found AS MATERIALIZED (SELECT * FROM dashboard.findings(unusual.nodes, at))
    SELECT f.severity, f.kind, f.what, f.node, f.place, f.since, dashboard.told(f.value, f.unit) FROM found AS f
    UNION ALL
    SELECT 0, 'none', CASE WHEN n.there THEN 'Ingenting uvanlig' ELSE 'Ingen noder i registeret for dette utvalget' END,
           NULL, NULL, NULL, NULL
    FROM (SELECT EXISTS (SELECT FROM public.node AS n WHERE unusual.nodes IS NULL OR n.node = ANY(unusual.nodes))) AS n (there)
    WHERE NOT EXISTS (SELECT FROM found)
$$;
COMMENT ON FUNCTION dashboard.unusual IS 'findings, or one row of severity 0 that says that there are none';

CREATE OR REPLACE FUNCTION dashboard.map(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, owner text, latitude float8, longitude float8, severity int, what text,
               last_seen timestamptz, value text)
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH found AS (
        SELECT f.node, max(f.severity) AS severity, string_agg(f.what, '; ' ORDER BY f.severity DESC) AS what,
               (array_agg(dashboard.told(f.value, f.unit) ORDER BY f.severity DESC))[1] AS value
        FROM dashboard.findings(nodes, at) AS f GROUP BY f.node
    )
    SELECT n.node, coalesce(n.place, n.node), n.owner, n.latitude, n.longitude, coalesce(found.severity, 0),
           coalesce(found.what, 'Ingenting uvanlig'), CASE WHEN n.last_seen <= at THEN n.last_seen END, found.value
    FROM public.node AS n LEFT JOIN found USING (node)
    WHERE n.latitude IS NOT NULL AND (nodes IS NULL OR n.node = ANY(nodes))
$$;

CREATE OR REPLACE FUNCTION dashboard.threshold_lines(quantity text, nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, metric text, level text, value float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT e.time, t.node,
           t.metric || ': ' || CASE t.level WHEN 'yellow' THEN 'gul' WHEN 'orange' THEN 'oransje' ELSE 'rød' END, t.level,
           t.value
    FROM dashboard.thresholds AS t CROSS JOIN (VALUES (since), (until)) AS e (time)
    WHERE t.quantity = threshold_lines.quantity AND (nodes IS NULL OR t.node = ANY(nodes))
$$;
