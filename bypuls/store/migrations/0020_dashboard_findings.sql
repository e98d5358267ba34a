-- What is unusual is told by one table of conditions: the list of dashboards and the alert rules ask the same functions, and
-- a kind of finding is the uid of the rule that tells the same, as grave as it.

-- Rounded, so that a mean of exactly the limit isn't above it.
CREATE FUNCTION dashboard.no2_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, channel text, place text, metric text, "time" timestamptz, value float8, three_hours float8)
LANGUAGE sql STABLE ROWS 10 AS $$
    -- Of three hours enough is measured together: a reading that slips over an hour's edge is missing in one of them.
    SELECT h.node, h.channel, h.place, h.metric, h.times[1], h.newest,
           CASE WHEN h.times[1] - h.times[3] = '2 hours' AND h.parts[1] + h.parts[2] + h.parts[3] >= 3 * 0.85
                THEN least(h.values[1], h.values[2], h.values[3]) END
    FROM (
        SELECT s.node, s.channel, s.place, s.metric, array_agg(s.time ORDER BY s.time DESC) AS times,
               array_agg(s.rounded ORDER BY s.time DESC) AS values, array_agg(s.coverage ORDER BY s.time DESC) AS parts,
               (array_agg(s.rounded ORDER BY s.time DESC) FILTER (
                   WHERE s.coverage >= 0.85 AND s.time >= date_trunc('hour', at, 'UTC') - '3 hours'::interval))[1] AS newest
        FROM (
            SELECT n.*, round(n.value::numeric, 6)::float8 AS rounded
            FROM dashboard.series('no2', no2_now.nodes, date_trunc('hour', at, 'UTC') - '4 hours'::interval,
                                  date_trunc('hour', at, 'UTC'), '1 hour') AS n
            WHERE n.coverage >= 0.6
        ) AS s
        GROUP BY s.node, s.channel, s.place, s.metric
    ) AS h
$$;
COMMENT ON FUNCTION dashboard.no2_now IS 'NO2 of each station in the newest whole hour of the last 3 of which at least 85 % was measured, and the least of the newest three hours in a row of which together as much was, of the last 4, for the one that has just ended may still be on its way; ug/m3';

CREATE FUNCTION dashboard.pm10_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, channel text, place text, metric text, "time" timestamptz, value float8)
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT DISTINCT ON (s.node, s.channel) s.node, s.channel, s.place, s.metric, s.time, round(s.value::numeric, 6)::float8
    FROM dashboard.series(
        'pm10', pm10_now.nodes, dashboard.window_of(dashboard.window_of(at, '1 day') - '1 hour'::interval, '1 day'), at,
        '1 day') AS s
    WHERE s.coverage >= 0.85
    ORDER BY s.node, s.channel, s.time DESC
$$;
COMMENT ON FUNCTION dashboard.pm10_now IS 'PM10 of each station over the running civil day once at least 85 % of it was measured, until then over the day before if that was; ug/m3';

-- Each gauge in windows of its own: with the longest interval of all meters one that reads hourly hid the bursts of the others.
DROP FUNCTION dashboard.burst;
CREATE FUNCTION dashboard.burst(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, channel text, place text, metric text, meter text, pressure float8, usual float8,
               "drop" float8, flow float8, usual_flow float8, flow_factor float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB'
SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    pairs record;
    half  int;
    every interval;
BEGIN
    -- Pairs of a gauge and the meters of the nearest node that has any, by the width of their windows: an increase of hours
    -- is none of quarters of an hour.
    FOR pairs IN
        SELECT p.width, array_agg(p.gauge ORDER BY p.gauge) AS gauges, array_agg(p.meter ORDER BY p.gauge) AS meters
        FROM (
            SELECT p.stream_id AS gauge, m.stream_id AS meter,
                   least(greatest(
                       dashboard.step_of(burst.since, burst.until, greatest(burst.step, slowest.interval * '1 second'::interval)),
                       CASE WHEN slowest.removed THEN '1 hour'::interval END, '15 minutes'), '1 hour') AS width
            FROM dashboard.streams('pipe_pressure', NULL) AS p
            CROSS JOIN LATERAL (
                SELECT w.node FROM dashboard.streams('water_volume', NULL) AS w
                WHERE dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude) <= 3
                ORDER BY dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude), w.node LIMIT 1
            ) AS nearest
            JOIN dashboard.streams('water_volume', NULL) AS m ON m.node = nearest.node
            CROSS JOIN LATERAL (
                -- The same for all pairs of a gauge: of these the worst counts.
                SELECT max(s.expected_interval) AS interval, bool_or(r.raw_from > burst.since) AS removed
                FROM dashboard.stream AS s LEFT JOIN public.retention AS r USING (stream_id)
                WHERE s.stream_id = p.stream_id OR s.node = nearest.node AND s.quantity = 'water_volume'
            ) AS slowest
            WHERE burst.nodes IS NULL OR p.node = ANY(burst.nodes) OR m.node = ANY(burst.nodes)
        ) AS p
        GROUP BY p.width
    LOOP
        every := CASE WHEN burst.until - burst.since > '31 days' THEN '1 day' ELSE pairs.width END;
        -- Of quarters of an hour there are too few to be worth a second process. Not between two pairs of one gauge.
        half := CASE WHEN pairs.width < '1 hour' THEN 0
                     ELSE array_position(pairs.gauges, pairs.gauges[cardinality(pairs.gauges) / 2 + 1]) - 1 END;
        RETURN QUERY
        SELECT w.time, p.node, p.channel, p.place, p.metric, m.node, w.pressure, w.usual, w.usual - w.pressure, w.flow,
               w.usual_flow, w.flow / nullif(w.usual_flow, 0)
        FROM (
            SELECT * FROM dashboard.burst_of(pairs.gauges[:half], pairs.meters[:half], burst.since, burst.until, pairs.width, every)
            WHERE half > 0
            UNION ALL
            SELECT * FROM dashboard.burst_of(
                pairs.gauges[half + 1:], pairs.meters[half + 1:], burst.since, burst.until, pairs.width, every)
        ) AS w
        JOIN (SELECT * FROM dashboard.stream AS s WHERE s.stream_id = ANY(pairs.gauges) OFFSET 0) AS p ON p.stream_id = w.gauge
        JOIN (SELECT * FROM dashboard.stream AS s WHERE s.stream_id = ANY(pairs.meters) OFFSET 0) AS m ON m.stream_id = w.meter;
    END LOOP;
END
$$;
COMMENT ON FUNCTION dashboard.burst IS 'pressure of gauges and flow of the meters of the nearest node within 3 km, m3/h by the time between readings, against the mean of the same civil hour in the 7 days before, where both are known; windows of 15 min to an hour by the intervals of gauge and meters, beyond 31 days the greatest drop of each civil day';

CREATE FUNCTION dashboard.burst_now(nodes text[], at timestamptz, back interval DEFAULT '3 hours')
RETURNS TABLE (node text, channel text, place text, metric text, since timestamptz, pressure float8, "drop" float8,
               flow_factor float8, severity float8)
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT DISTINCT ON (b.node, b.channel) b.node, b.channel, b.place, b.metric, b.since, b.pressure, b.drop, b.factor, b.severity
    FROM (
        SELECT x.*, max(x.time) OVER gauge AS newest, min(x.time) FILTER (WHERE x.severity > 1) OVER gauge AS since
        FROM (
            SELECT x.*, f.factor, least(x.drop / 0.5, f.factor / 1.5) AS severity
            FROM dashboard.burst(burst_now.nodes, at - back, at, '15 minutes') AS x
            CROSS JOIN LATERAL (
                SELECT CASE WHEN x.usual_flow = 0 AND x.flow > 0 THEN 99 ELSE coalesce(x.flow_factor, 0) END
            ) AS f (factor)
        ) AS x
        WINDOW gauge AS (PARTITION BY x.node, x.channel)
    ) AS b
    WHERE b.time > b.newest - '30 minutes'::interval
    ORDER BY b.node, b.channel, b.severity DESC
$$;
COMMENT ON FUNCTION dashboard.burst_now IS 'the worst of the newest two quarters of an hour, or of the newest longer window, of each gauge, at most `back` old. severity: above 1 where the pressure is more than 0.5 bar below the usual and the flow more than 1.5 times it (99 where that is 0), the lesser of how many times; since: when it was first so';

-- The rise is that between medians, so that one odd reading is none, and up to the newest reading, so that it is known of a
-- gauge that is heard once an hour, too.
DROP FUNCTION dashboard.river_now;
CREATE FUNCTION dashboard.river_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, channel text, place text, latitude float8, longitude float8, metric text, quantity text, unit text,
               "time" timestamptz, value float8, yellow float8, orange float8, red float8, level int, rise_per_hour float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT s.node, s.channel, s.place, s.latitude, s.longitude, s.metric, s.quantity, s.unit, newest.time, newest.value,
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
        SELECT (r.now - r.earlier) * 3600 / nullif(r.now_at - r.earlier_at, 0) AS value
        FROM (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.value) FILTER (WHERE r.late) AS now,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY r.value) FILTER (WHERE r.early) AS earlier,
                   avg(extract(epoch FROM r.time)) FILTER (WHERE r.late)::float8 AS now_at,
                   avg(extract(epoch FROM r.time)) FILTER (WHERE r.early)::float8 AS earlier_at
            FROM (
                SELECT r.*, r.time > newest.time - '1 hour'::interval AS late,
                       r.time < newest.time - '1 hour 45 minutes'::interval AS early
                FROM public.reading AS r
                WHERE r.stream_id = s.stream_id AND r.time <= newest.time
                  AND r.time > newest.time - '4 hours 15 minutes'::interval
                  AND newest.time > at - '3 hours'::interval AND dashboard.counts(r.value, r.flags)
            ) AS r
        ) AS r
    ) AS rise ON true
    WHERE s.quantity IN ('water_level', 'discharge') AND (nodes IS NULL OR s.node = ANY(nodes))
$$;
COMMENT ON FUNCTION dashboard.river_now IS 'the newest reading that counts of each gauge, at most a day old, against its thresholds; rise_per_hour: the median of the hour up to it against that of 1:45 to 4:15 hours before it, by the time between their means, if it is less than 3 hours old';

-- A node that measures each minute and reports every ten is not silent in between.
CREATE FUNCTION dashboard.silent_for(seconds float8, "interval" float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN seconds - 3 * coalesce("interval", 900) - 600;
COMMENT ON FUNCTION dashboard.silent_for IS 'seconds that a node has been silent beyond three of its intervals, of 15 min where none is known, and ten minutes; below 0 it isn''t';

-- In a town whose nodes report every ten minutes, five minutes without readings are nothing: usual is the third longest time in
-- the last day from one minute with readings to the next, so that an outage or two don't count.
DROP FUNCTION dashboard.lag_now;
CREATE FUNCTION dashboard.lag_now(at timestamptz)
RETURNS TABLE (last_received timestamptz, seconds float8, overdue_seconds float8)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT h.last, s.seconds, s.seconds - coalesce(usual.seconds, h.quickest, 0)
    FROM (
        SELECT max(h.last_seen) AS last,
               min(coalesce(h.interval, 900)) FILTER (WHERE h.last_seen > at - '1 day'::interval) AS quickest
        FROM dashboard.heard(NULL, at) AS h
    ) AS h
    CROSS JOIN LATERAL (SELECT extract(epoch FROM at - h.last)::float8) AS s (seconds)
    LEFT JOIN LATERAL (
        SELECT w.waits[least(3, cardinality(w.waits))] AS seconds
        FROM (
            SELECT array_agg(g.seconds ORDER BY g.seconds DESC) AS waits
            FROM (
                SELECT extract(epoch FROM i.minute - lag(i.minute) OVER (ORDER BY i.minute))::float8 AS seconds
                FROM (SELECT DISTINCT minute FROM dashboard.intake_minutes
                      WHERE minute > at - '1 day'::interval AND minute <= at AND readings + repeats > 0) AS i
            ) AS g
            WHERE g.seconds IS NOT NULL
        ) AS w
    ) AS usual ON true
$$;
COMMENT ON FUNCTION dashboard.lag_now IS 'seconds since ingest last received a pack of any node, which it notes to some 10 s, and how many of these are more than usual: than the third longest wait of the last day (of fewer the shortest), or where none was noted than the shortest interval of the nodes heard in it, of 15 min where none is known';

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
               river.node, river.place, river.latitude, river.longitude,
               least(coalesce(max(s.time) FILTER (WHERE s.value <= crosses) + '1 hour'::interval, min(s.time)), river.time),
               river.value, replace(river.unit, 'm3/s', 'm³/s')
        FROM dashboard.series(river.quantity, ARRAY[river.node], at - '7 days'::interval, at, '1 hour') AS s
        WHERE s.channel = river.channel;
    END LOOP;

    RETURN QUERY
    SELECT 2, 'river-rise', 'Vannet stiger fort', r.node, r.place, r.latitude, r.longitude, r.time - '3 hours'::interval,
           100 * r.rise_per_hour, 'cm/t'
    FROM dashboard.river_now(findings.nodes, at) AS r
    WHERE r.quantity = 'water_level' AND r.rise_per_hour > 0.05;

    RETURN QUERY
    WITH class AS MATERIALIZED (
        SELECT a.*, better.since
        FROM dashboard.air_now(findings.nodes, at) AS a
        CROSS JOIN LATERAL (
            SELECT coalesce(max(h.time) FILTER (WHERE h.class < 3) + '1 hour'::interval, min(h.time)) AS since
            FROM dashboard.air_index(ARRAY[a.node], at - '2 days'::interval, at) AS h
        ) AS better
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
        SELECT 2, 'no2-hour', 'NO₂ over timegrensen (200)', no2.node, no2.since, no2.value
        FROM no2 WHERE no2.value > 200
        UNION ALL
        SELECT 2, 'pm10-day', format('PM10 over døgngrensen (50) %s', to_char(p.time AT TIME ZONE 'Europe/Oslo', 'DD.MM.')),
               p.node, p.time, p.value
        FROM dashboard.pm10_now(findings.nodes, at) AS p WHERE p.value > 50
        UNION ALL
        -- What the limit of an hour tells as gravely goes without saying.
        SELECT c.class - 1, 'air-class', format('%s luftforurensning (%s)',
                   CASE c.class WHEN 3 THEN 'Høy' ELSE 'Svært høy' END, dashboard.quantity_name(c.quantity)),
               c.node, c.since, c.value
        FROM class AS c
        WHERE c.class > 3 OR c.quantity <> 'no2' OR NOT EXISTS (SELECT FROM no2 WHERE no2.node = c.node)
    )
    -- Of several channels of a node the worst.
    SELECT DISTINCT ON (f.node, f.kind) f.severity, f.kind, f.what, f.node, coalesce(n.place, n.node), n.latitude, n.longitude,
           f.since, f.value, 'µg/m³'
    FROM found AS f JOIN public.node AS n USING (node)
    ORDER BY f.node, f.kind, f.value DESC;

    RETURN QUERY
    SELECT 3, 'pipe-burst', format('Trykkfall på %s bar og %s ganger vanlig forbruk: brudd på ledning?',
               replace(round(b.drop::numeric, 1)::text, '.', ','), replace(round(b.flow_factor::numeric, 1)::text, '.', ',')),
           b.node, b.place, n.latitude, n.longitude,
           (SELECT day.since FROM dashboard.burst_now(ARRAY[b.node], at, '1 day') AS day WHERE day.channel = b.channel),
           b.pressure, 'bar'
    FROM dashboard.burst_now(findings.nodes, at) AS b JOIN public.node AS n ON n.node = b.node
    WHERE b.severity > 1;

    RETURN QUERY
    SELECT 1, f.kind, f.what, f.node, f.place, f.latitude, f.longitude, f.since, f.value, f.unit
    FROM dashboard.node_status(findings.nodes, at) AS s
    JOIN public.node AS n USING (node)
    CROSS JOIN LATERAL (
        SELECT coalesce(dashboard.silent_for(s.silent_seconds, s.interval_seconds) > 0, false),
               s.last_seen IS NULL AND n.enrolled_at <= at - '1 hour'::interval
    ) AS of_it (silent, unheard)
    CROSS JOIN LATERAL (
        SELECT 'node-silent', 'Noden har sluttet å sende', s.node, s.place, s.latitude, s.longitude, s.last_seen,
               s.silent_seconds / 60, 'min'
        WHERE of_it.silent
        UNION ALL
        SELECT 'coverage-low',
               CASE WHEN of_it.unheard THEN 'Noden er registrert, men har aldri sendt noe'
                    ELSE format('Bare %s %% av dagens målinger er kommet', floor(100 * s.coverage_today)) END,
               s.node, s.place, s.latitude, s.longitude, today, 100 * s.coverage_today, '%'
        WHERE (s.coverage_today < 0.85 AND at >= today + '1 hour'::interval OR of_it.unheard AND s.coverage_today IS NULL)
          AND NOT of_it.silent
        UNION ALL
        SELECT 'interval-unknown', 'Måleintervallet er ukjent: lufta kan ikke vurderes mot grenseverdiene', s.node, s.place,
               s.latitude, s.longitude, n.enrolled_at, NULL, NULL
        WHERE s.last_seen IS NOT NULL AND NOT of_it.silent AND EXISTS (
            SELECT FROM public.stream AS air JOIN dashboard.air_bounds AS b USING (quantity)
            WHERE air.node_id = n.node_id AND air.expected_interval IS NULL)
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
COMMENT ON FUNCTION dashboard.findings IS 'severity 1 look, 2 act, 3 urgent; kinds are uids of alert rules, and air-class and interval-unknown, for which there is none; value in the unit beside it. Thresholds are the gauges'' own';

CREATE FUNCTION dashboard.told(value float8, unit text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN value IS NULL THEN NULL
    WHEN unit = 'min' AND value >= 2880 THEN floor(value / 1440) || ' døgn'
    WHEN unit = 'min' AND value >= 120 THEN floor(value / 60) || ' t'
    ELSE concat_ws(' ', replace(trim_scale(round(value::numeric, CASE WHEN abs(value) < 100 THEN 2 ELSE 0 END))::text, '.', ','), unit)
END;
COMMENT ON FUNCTION dashboard.told IS 'a value with its unit, as Norwegians write it; of minutes hours from two on, of hours days';

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
