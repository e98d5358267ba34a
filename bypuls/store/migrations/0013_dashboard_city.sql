-- What is unusual in the town, where and since when. The same limits as the alert rules, so that they agree.

CREATE FUNCTION dashboard.findings(nodes text[], at timestamptz)
RETURNS TABLE (severity int, kind text, what text, node text, place text, latitude float8, longitude float8,
               since timestamptz, value float8, unit text)
LANGUAGE plpgsql STABLE ROWS 20 SET jit = off AS $$
#variable_conflict use_column
DECLARE
    river  record;
    crosses float8;
BEGIN
    FOR river IN SELECT * FROM dashboard.river_now(findings.nodes, at) AS r WHERE r.level > 0 LOOP
        crosses := CASE river.level WHEN 3 THEN river.red WHEN 2 THEN river.orange ELSE river.yellow END;
        RETURN QUERY
        SELECT river.level, 'river', format('%s over %s terskel (%s %s)', dashboard.quantity_name(river.quantity),
                   CASE river.level WHEN 3 THEN 'rød' WHEN 2 THEN 'oransje' ELSE 'gul' END, crosses, river.unit),
               river.node, river.place, river.latitude, river.longitude, coalesce(max(s.time) + '1 hour'::interval,
                   at - '7 days'::interval), river.value, river.unit
        FROM dashboard.series(river.quantity, ARRAY[river.node], at - '7 days'::interval, at, '1 hour') AS s
        WHERE s.metric = river.metric AND s.value <= crosses;
    END LOOP;

    RETURN QUERY
    SELECT 2, 'river_rise', 'Vannet stiger fort', r.node, r.place, r.latitude, r.longitude, r.time - '3 hours'::interval,
           r.rise_per_hour, 'm/h'
    FROM dashboard.river_now(findings.nodes, at) AS r
    WHERE r.quantity = 'water_level' AND r.rise_per_hour > 0.05;

    RETURN QUERY
    SELECT a.class - 1, 'air', format('%s luftforurensning (%s)', CASE a.class WHEN 3 THEN 'Høy' ELSE 'Svært høy' END,
               dashboard.quantity_name(a.quantity)), a.node, a.place, a.latitude, a.longitude,
           coalesce(better.last + '1 hour'::interval, at - '2 days'::interval), a.value, 'ug/m3'
    FROM dashboard.air_now(findings.nodes, at) AS a
    LEFT JOIN LATERAL (
        SELECT max(h.time) AS last
        FROM dashboard.air_index(ARRAY[a.node], at - '2 days'::interval, at) AS h WHERE h.class < 3
    ) AS better ON true
    WHERE a.worst AND a.class >= 3;

    RETURN QUERY
    SELECT 3, 'pressure', format('Trykkfall på %s bar og %s ganger vanlig forbruk: brudd på ledning?',
               round(b.drop::numeric, 1), round(b.flow_factor::numeric, 1)), b.node, b.place, n.latitude, n.longitude,
           b.since, b.pressure, 'bar'
    FROM (
        SELECT DISTINCT ON (x.node) x.*, min(x.time) FILTER (WHERE x.bad) OVER (PARTITION BY x.node) AS since
        FROM (SELECT *, x.drop > 0.5 AND x.flow_factor > 1.5 AS bad
              FROM dashboard.burst(findings.nodes, at - '3 hours'::interval, at, '15 minutes') AS x) AS x
        ORDER BY x.node, x.time DESC, x.bad DESC
    ) AS b JOIN public.node AS n ON n.node = b.node
    WHERE b.bad;

    RETURN QUERY
    SELECT 1, 'silent', format('Noden har ikke sendt på %s måleintervaller', floor(s.silent_intervals)), s.node, s.place,
           s.latitude, s.longitude, s.last_seen, s.silent_seconds, 's'
    FROM dashboard.node_status(findings.nodes, at) AS s WHERE s.silent_intervals > 3
    UNION ALL
    SELECT 1, 'coverage', format('Bare %s %% av dagens målinger er kommet', floor(100 * s.coverage_today)), s.node, s.place,
           s.latitude, s.longitude, dashboard.window_of(at, '1 day'), 100 * s.coverage_today, '%'
    FROM dashboard.node_status(findings.nodes, at) AS s
    WHERE s.coverage_today < 0.85 AND at >= dashboard.window_of(at, '1 day') + '3 hours'::interval
      AND s.silent_intervals <= 3;

    RETURN QUERY
    SELECT 1, 'quarantine', format('Meldinger i karantene: %s', q.reason), NULL, NULL, NULL::float8, NULL::float8,
           at - '15 minutes'::interval, q.kinds::float8, '1'
    FROM dashboard.quarantine_reasons(at - '15 minutes'::interval, at) AS q WHERE q.kinds > 20
    UNION ALL
    SELECT 1, 'backlog', 'Timesummene henger etter', NULL, NULL, NULL, NULL, b.waiting_since, b.age_seconds,
           's'
    FROM dashboard.backlog(at) AS b WHERE b.age_seconds > 1800;
END
$$;
COMMENT ON FUNCTION dashboard.findings IS 'severity 1 look, 2 act, 3 urgent; kinds river, river_rise, air, pressure, silent, coverage, quarantine, backlog. Thresholds are the gauges'' own';

CREATE FUNCTION dashboard.map(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, owner text, latitude float8, longitude float8, severity int, what text,
               last_seen timestamptz, value text)
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH found AS (
        SELECT f.node, max(f.severity) AS severity, string_agg(f.what, '; ' ORDER BY f.severity DESC) AS what,
               (array_agg(concat(round(f.value::numeric, 2), ' ', nullif(f.unit, '1')) ORDER BY f.severity DESC))[1] AS value
        FROM dashboard.findings(nodes, at) AS f GROUP BY f.node
    )
    SELECT n.node, coalesce(n.place, n.node), n.owner, n.latitude, n.longitude, coalesce(found.severity, 0),
           coalesce(found.what, 'Ingenting uvanlig'), CASE WHEN n.last_seen <= at THEN n.last_seen END, found.value
    FROM public.node AS n LEFT JOIN found USING (node)
    WHERE n.latitude IS NOT NULL AND (nodes IS NULL OR n.node = ANY(nodes))
$$;
COMMENT ON FUNCTION dashboard.map IS 'nodes whose place is known, with the worst of what is unusual at each';
