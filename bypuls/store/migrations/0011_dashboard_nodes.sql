-- What dashboards ask of nodes, and what their variables offer.

CREATE FUNCTION dashboard.quantity_name(quantity text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE quantity
    WHEN 'no2' THEN 'Nitrogendioksid' WHEN 'pm10' THEN 'Svevestøv PM10' WHEN 'pm2_5' THEN 'Svevestøv PM2,5'
    WHEN 'o3' THEN 'Ozon' WHEN 'so2' THEN 'Svoveldioksid' WHEN 'co' THEN 'Karbonmonoksid'
    WHEN 'air_temperature' THEN 'Lufttemperatur' WHEN 'water_temperature' THEN 'Vanntemperatur'
    WHEN 'road_temperature' THEN 'Veitemperatur' WHEN 'relative_humidity' THEN 'Relativ luftfuktighet'
    WHEN 'air_pressure' THEN 'Lufttrykk' WHEN 'wind_speed' THEN 'Vindhastighet' WHEN 'wind_direction' THEN 'Vindretning'
    WHEN 'rainfall' THEN 'Nedbør' WHEN 'water_level' THEN 'Vannstand' WHEN 'discharge' THEN 'Vannføring'
    WHEN 'pipe_pressure' THEN 'Ledningstrykk' WHEN 'water_volume' THEN 'Vannmengde'
    WHEN 'sound_level' THEN 'Lydnivå (LAeq)' WHEN 'people_count' THEN 'Antall personer'
    WHEN 'vehicle_count' THEN 'Antall kjøretøy' WHEN 'bicycle_count' THEN 'Antall sykler'
    WHEN 'occupancy' THEN 'Parkeringsplass opptatt' WHEN 'lamp_state' THEN 'Lampe på' WHEN 'fill_level' THEN 'Fyllingsgrad'
    WHEN 'power' THEN 'Effekt' WHEN 'energy' THEN 'Energi' WHEN 'battery_voltage' THEN 'Batterispenning'
    WHEN 'signal_strength' THEN 'Signalstyrke' ELSE quantity
END;
COMMENT ON FUNCTION dashboard.quantity_name IS 'Norwegian name of a quantity, as in bypuls.quantities';

CREATE FUNCTION dashboard.owner_list() RETURNS TABLE (__text text, __value text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT owner, owner FROM public.node WHERE owner IS NOT NULL ORDER BY 1
$$;
CREATE FUNCTION dashboard.place_list(owners text[]) RETURNS TABLE (__text text, __value text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT place, place FROM public.node
    WHERE place IS NOT NULL AND (owners IS NULL OR owner = ANY(owners)) ORDER BY 1
$$;
CREATE FUNCTION dashboard.quantity_list() RETURNS TABLE (__text text, __value text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT dashboard.quantity_name(quantity), quantity FROM dashboard.stream WHERE quantity IS NOT NULL ORDER BY 1
$$;
CREATE FUNCTION dashboard.node_list(owners text[], places text[], quantities text[])
RETURNS TABLE (__text text, __value text) LANGUAGE sql STABLE AS $$
    SELECT coalesce(n.place || ' (' || n.node || ')', n.node), n.node FROM public.node AS n
    WHERE (owners IS NULL OR n.owner = ANY(owners)) AND (places IS NULL OR n.place = ANY(places))
      AND (quantities IS NULL
           OR EXISTS (SELECT FROM public.stream AS s WHERE s.node_id = n.node_id AND s.quantity = ANY(quantities)))
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION dashboard.node_list IS 'nodes that match every list that isn''t null';

CREATE VIEW dashboard.pack_counts AS
SELECT node_id, log, last_received, upper(seen + dropped) - 1 AS highest,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8
        FROM unnest(int8multirange(int8range(1, greatest(upper(seen + dropped), 1))) - seen - dropped) AS r) AS missing,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int8 FROM unnest(dropped) AS r) AS dropped
FROM (SELECT node_id, log, max(last_received) AS last_received, range_agg(seen) AS seen, range_agg(dropped) AS dropped
      FROM public.pack_log GROUP BY node_id, log) AS whole;
COMMENT ON VIEW dashboard.pack_counts IS 'packs below the highest that neither came nor were declared dropped, and those that were dropped';

-- When each node was last heard: as ingest noted it, or where that is after `at`, by its readings until then.
CREATE FUNCTION dashboard.heard(nodes text[], at timestamptz)
RETURNS TABLE (node_id int, node text, last_seen timestamptz, newest timestamptz, "interval" float8)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT n.node_id, n.node, CASE WHEN n.last_seen <= at THEN n.last_seen ELSE s.newest END, s.newest, s.interval
    FROM public.node AS n
    LEFT JOIN LATERAL (
        SELECT max(r.time) AS newest, min(stream.expected_interval) AS interval
        FROM public.stream
        LEFT JOIN LATERAL (
            SELECT reading.time FROM public.reading
            WHERE reading.stream_id = stream.stream_id AND reading.time <= at
              AND reading.time > at - '30 days'::interval
            ORDER BY reading.time DESC LIMIT 1
        ) AS r ON true
        WHERE stream.node_id = n.node_id
    ) AS s ON true
    WHERE nodes IS NULL OR n.node = ANY(nodes)
$$;

-- How many readings streams have by civil day: from rollups, and counted one by one where these can't be taken.
CREATE FUNCTION dashboard.counted(ids int[], since timestamptz, until timestamptz)
RETURNS TABLE (stream_id int, "time" timestamptz, n bigint, excluded bigint)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    days timestamptz[] := ARRAY(SELECT generate_series(
        dashboard.window_of(counted.since, '1 day'), counted.until + '26 hours'::interval, '1 day', 'Europe/Oslo'));
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, since, until) AS u;
    RETURN QUERY
    SELECT h.stream_id, dashboard.window_among(h.hour, '1 day', days), sum(h.n), sum(h.n_excluded)
    FROM public.reading_hour AS h
    WHERE h.stream_id = ANY(ids) AND h.hour >= since AND h.hour < until
      AND NOT EXISTS (SELECT FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
                      WHERE due.stream_id = h.stream_id AND due.hour = h.hour)
    GROUP BY 1, 2;
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

CREATE FUNCTION dashboard.coverage(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, coverage float8, excluded_share float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start timestamptz := dashboard.window_of(coverage.since, '1 day');
    ids   int[] := ARRAY(SELECT s.stream_id FROM dashboard.stream AS s
                         WHERE s.expected_interval IS NOT NULL
                           AND (coverage.nodes IS NULL OR s.node = ANY(coverage.nodes)));
BEGIN
    RETURN QUERY
    WITH came AS (
        SELECT c.stream_id, c.time, sum(c.n)::float8 AS n, sum(c.excluded)::float8 AS excluded
        FROM dashboard.counted(ids, start, until) AS c GROUP BY 1, 2
    ), wanted AS (
        SELECT s.stream_id, s.node, s.place, s.expected_interval,
               least(min(came.time), (SELECT dashboard.window_of(n.enrolled_at, '1 day')
                                      FROM public.node AS n WHERE n.node = s.node)) AS first
        FROM dashboard.stream AS s LEFT JOIN came USING (stream_id)
        WHERE s.stream_id = ANY(ids)
        GROUP BY s.stream_id, s.node, s.place, s.expected_interval
    )
    SELECT d.time, w.node, w.place, coalesce(nullif(w.place, w.node) || ' (' || w.node || ')', w.node),
           sum(least(coalesce(came.n + came.excluded, 0), e.readings)) / nullif(sum(e.readings), 0),
           sum(came.excluded) / nullif(sum(came.n + came.excluded), 0)
    FROM wanted AS w
    JOIN (
        SELECT g.time, dashboard.window_end(g.time, '1 day') AS next
        FROM generate_series(start, until - '1 microsecond'::interval, '1 day', 'Europe/Oslo') AS g (time)
        OFFSET 0
    ) AS d ON d.time >= w.first
    CROSS JOIN LATERAL (
        -- A pack is under way for a while, and a window is told of when it is over: two intervals of grace.
        SELECT greatest(date_part('epoch', least(d.next, until - 2 * w.expected_interval * '1 second'::interval) - d.time)
                        / w.expected_interval, 0)
    ) AS e (readings)
    LEFT JOIN came ON came.stream_id = w.stream_id AND came.time = d.time
    GROUP BY d.time, w.node, w.place;
END
$$;
COMMENT ON FUNCTION dashboard.coverage IS 'readings that came, by those expected, of each node and civil day, from its first readings or its enrolment on; the running day until now, null in its first minutes. excluded_share: those that are certainly wrong';

CREATE FUNCTION dashboard.node_status(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, owner text, latitude float8, longitude float8, state text, last_seen timestamptz,
               silent_seconds float8, interval_seconds float8, silent_intervals float8, battery float8, signal float8,
               coverage_today float8, missing_packs bigint, dropped_packs bigint, clock_offset_seconds float8,
               clock_flagged_share float8, flagged_share float8, excluded_share float8)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    ids int[] := ARRAY(SELECT s.stream_id FROM public.stream AS s JOIN public.node AS n USING (node_id)
                       WHERE node_status.nodes IS NULL OR n.node = ANY(node_status.nodes));
BEGIN
    RETURN QUERY
    WITH today AS (
        SELECT c.node, c.coverage, c.excluded_share
        FROM dashboard.coverage(node_status.nodes, dashboard.window_of(at, '1 day'), at) AS c
    ), flagged AS (
        SELECT s.node_id, count(*) AS readings, count(*) FILTER (WHERE r.flags <> 0) AS flagged,
               count(*) FILTER (WHERE r.flags & 32 <> 0) AS clock
        FROM public.reading AS r JOIN public.stream AS s USING (stream_id)
        WHERE r.stream_id = ANY(ids) AND r.time > at - '3 hours'::interval AND r.time <= at
        GROUP BY s.node_id
    ), packs AS (
        SELECT node_id, sum(missing)::bigint AS missing, sum(dropped)::bigint AS dropped
        FROM dashboard.pack_counts GROUP BY node_id
    ), newest AS (
        SELECT s.node_id, min(r.value) FILTER (WHERE s.quantity = 'battery_voltage') AS battery,
               min(r.value) FILTER (WHERE s.quantity = 'signal_strength') AS signal
        FROM public.stream AS s
        CROSS JOIN LATERAL (
            SELECT reading.value FROM public.reading
            WHERE reading.stream_id = s.stream_id AND reading.time <= at AND reading.time > at - '7 days'::interval
              AND dashboard.counts(reading.value, reading.flags)
            ORDER BY reading.time DESC LIMIT 1
        ) AS r
        WHERE s.stream_id = ANY(ids) AND s.statistic IN ('', 'mean')
          AND s.quantity IN ('battery_voltage', 'signal_strength')
        GROUP BY s.node_id
    )
    SELECT n.node, coalesce(n.place, n.node), n.owner, n.latitude, n.longitude, n.state, h.last_seen,
           extract(epoch FROM at - h.last_seen)::float8, h.interval,
           extract(epoch FROM at - h.last_seen)::float8 / coalesce(h.interval, 900),
           newest.battery, newest.signal, today.coverage, packs.missing, packs.dropped,
           CASE WHEN n.last_seen <= at THEN extract(epoch FROM h.last_seen - h.newest)::float8 END,
           flagged.clock::float8 / flagged.readings, flagged.flagged::float8 / flagged.readings, today.excluded_share
    FROM dashboard.heard(node_status.nodes, at) AS h
    JOIN public.node AS n USING (node_id)
    LEFT JOIN today ON today.node = n.node
    LEFT JOIN flagged USING (node_id)
    LEFT JOIN packs USING (node_id)
    LEFT JOIN newest USING (node_id);
END
$$;
COMMENT ON FUNCTION dashboard.node_status IS 'silent_intervals: in the shortest interval of its streams, of 15 min where the registry has none (a node enrolled on sight); coverage_today and excluded_share since civil midnight, flagged shares of the last 3 hours; clock_offset_seconds: last_seen less the newest reading''s time, below 0 where the node''s clock is ahead';

CREATE FUNCTION dashboard.flag_counts(nodes text[], at timestamptz)
RETURNS TABLE (flag text, readings bigint, share float8)
LANGUAGE sql STABLE ROWS 6 AS $$
    SELECT f.flag, f.readings, f.readings::float8 / all_.n
    FROM (
        SELECT count(*) AS n, count(*) FILTER (WHERE flags & 1 <> 0) AS out_of_range, count(*) FILTER (WHERE flags & 2 <> 0) AS step,
               count(*) FILTER (WHERE flags & 4 <> 0) AS spike, count(*) FILTER (WHERE flags & 8 <> 0) AS stuck,
               count(*) FILTER (WHERE flags & 16 <> 0) AS gap, count(*) FILTER (WHERE flags & 32 <> 0) AS clock
        FROM public.reading
        WHERE time > at - '1 day'::interval AND time <= at
          AND stream_id = ANY(ARRAY(SELECT s.stream_id FROM public.stream AS s JOIN public.node AS n USING (node_id)
                                    WHERE nodes IS NULL OR n.node = ANY(nodes)))
    ) AS all_
    CROSS JOIN LATERAL (VALUES ('out_of_range', out_of_range), ('step', step), ('spike', spike), ('stuck', stuck),
                               ('gap', gap), ('clock', clock)) AS f (flag, readings)
    WHERE all_.n > 0
$$;
COMMENT ON FUNCTION dashboard.flag_counts IS 'readings of the last 24 hours by what checks objected (bypuls.quality)';

GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO bypuls_grafana;
