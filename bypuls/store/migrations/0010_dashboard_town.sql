-- What dashboards ask of traffic, visitors, parking, noise, lights, energy and waste.

CREATE FUNCTION dashboard.parking(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, occupied float8, bays bigint, share float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    width interval := dashboard.width_of('occupancy', parking.nodes, parking.since, parking.until, parking.step);
    ids   int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('occupancy', parking.nodes) AS s);
BEGIN
    RETURN QUERY
    SELECT p.time, n.node, coalesce(n.place, n.node), coalesce(n.place || ' (' || n.node || ')', n.node), p.occupied,
           p.bays, p.occupied / p.bays
    FROM (
        SELECT w.time, s.node_id, sum(w.value) AS occupied, count(*) AS bays
        FROM dashboard.windows(ids, 'state', parking.since, parking.until, width) AS w
        JOIN public.stream AS s USING (stream_id)
        WHERE w.value IS NOT NULL
        GROUP BY w.time, s.node_id
    ) AS p JOIN public.node AS n USING (node_id);
END
$$;
COMMENT ON FUNCTION dashboard.parking IS 'bays that were taken, on average, of those of which it is known; share from 0 to 1';

CREATE FUNCTION dashboard.parking_now(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, latitude float8, longitude float8, bays bigint, occupied bigint, free bigint,
               share float8, "time" timestamptz)
LANGUAGE sql STABLE ROWS 100 AS $$
    SELECT l.node, l.place, l.latitude, l.longitude, count(*), sum(l.value)::bigint, count(*) - sum(l.value)::bigint,
           avg(l.value), max(l.time)
    FROM dashboard.latest('occupancy', nodes, at) AS l
    WHERE l.age < '1 day' AND dashboard.counts(l.value, l.flags::int2)
    GROUP BY l.node, l.place, l.latitude, l.longitude
$$;
COMMENT ON FUNCTION dashboard.parking_now IS 'bays by their newest reading, at most a day old: one tells when a car comes or goes';

CREATE FUNCTION dashboard.inside(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, metric text, value float8)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT f.time, 'Inne i hallene', greatest(sum(sum(f.value)) OVER (PARTITION BY day ORDER BY f.time), 0)
    FROM (VALUES (least(dashboard.step_of(since, until, step), '1 hour'))) AS w (width)
    CROSS JOIN LATERAL (
        SELECT s.time, CASE WHEN s.channel LIKE 'exit/%' THEN -s.value ELSE s.value END AS value,
               dashboard.window_of(s.time, '1 day') AS day
        FROM dashboard.series('people_count', nodes, dashboard.window_of(since, '1 day'), until,
                              dashboard.step_of(dashboard.window_of(since, '1 day'), until, w.width)) AS s
        WHERE s.channel LIKE 'entrance/%' OR s.channel LIKE 'exit/%'
    ) AS f
    GROUP BY f.time, day
$$;
COMMENT ON FUNCTION dashboard.inside IS 'who came in through the entrances since the civil day began, less who went out';

CREATE FUNCTION dashboard.lden(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, lden float8, lday float8, levening float8,
               lnight float8, coverage float8)
LANGUAGE sql STABLE ROWS 1000 AS $$
    WITH period AS (
        SELECT dashboard.window_of(s.time, '1 day') AS day, s.node, s.place, s.metric, p.period,
               sum(s.n * 10 ^ (s.value / 10)) / sum(s.n) AS energy,
               sum(s.coverage) / max(p.hours) AS coverage
        FROM dashboard.series('sound_level', nodes, dashboard.window_of(since, '1 day'), until, '1 hour') AS s
        CROSS JOIN LATERAL (
            SELECT * FROM (VALUES ('day', 7, 19, 12), ('evening', 19, 23, 4), ('night', 0, 7, 8), ('night', 23, 24, 8))
                AS p (period, first, last, hours)
            WHERE date_part('hour', s.time AT TIME ZONE 'Europe/Oslo') >= first
              AND date_part('hour', s.time AT TIME ZONE 'Europe/Oslo') < last
        ) AS p
        GROUP BY 1, 2, 3, 4, 5
    ), by_day AS (
        SELECT day, node, place, metric, max(energy) FILTER (WHERE period = 'day') AS d,
               max(energy) FILTER (WHERE period = 'evening') AS e, max(energy) FILTER (WHERE period = 'night') AS n,
               CASE WHEN count(*) = 3 THEN least(min(coverage), 1) ELSE 0 END AS coverage
        FROM period GROUP BY day, node, place, metric
    )
    SELECT day, node, place, metric, 10 * log((12 * d + 4 * e * 10 ^ 0.5 + 8 * n * 10) / 24), 10 * log(d), 10 * log(e),
           10 * log(n), coverage
    FROM by_day
    WHERE dashboard.window_end(day, '1 day') <= until
$$;
COMMENT ON FUNCTION dashboard.lden IS 'noise of civil days that are over, dB: day 07-19, evening 19-23 (+5), night 23-07 (+10) of the same date (2002/49/EC, annex I); coverage of the worst period';

CREATE FUNCTION dashboard.lamps(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, latitude float8, longitude float8, lit boolean, power float8, should_be_lit boolean,
               wrong boolean, "time" timestamptz)
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH lamp AS (
        SELECT * FROM dashboard.latest('lamp_state', NULL, at) AS l
        WHERE l.age < '1 day' AND dashboard.counts(l.value, l.flags::int2)
    ), most AS (
        SELECT CASE WHEN avg(value) >= 0.8 THEN true WHEN avg(value) <= 0.2 THEN false END AS lit FROM lamp
    )
    SELECT lamp.node, lamp.place, lamp.latitude, lamp.longitude, lamp.value = 1, power.value, most.lit,
           coalesce((lamp.value = 1) <> most.lit, false), lamp.time
    FROM lamp CROSS JOIN most
    LEFT JOIN dashboard.latest('power', nodes, at) AS power ON power.node = lamp.node AND power.age < '1 day'
    WHERE nodes IS NULL OR lamp.node = ANY(nodes)
$$;
COMMENT ON FUNCTION dashboard.lamps IS 'should_be_lit is what four fifths of all lamps do; null while they change';

CREATE FUNCTION dashboard.energy_days(quantity text, nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, value float8)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT s.time, s.node, s.place, s.metric, s.value FROM dashboard.series(quantity, nodes, since, until, '1 day') AS s
$$;
COMMENT ON FUNCTION dashboard.energy_days IS 'what meters rose by civil day, in their unit';

CREATE FUNCTION dashboard.waste(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, latitude float8, longitude float8, fill float8, rise_per_day float8,
               days_to_full float8, emptied_at timestamptz, "time" timestamptz)
LANGUAGE sql STABLE ROWS 100 AS $$
    WITH hours AS (
        SELECT s.node, s.time, s.value, lag(s.value) OVER (PARTITION BY s.node, s.channel ORDER BY s.time) AS before
        FROM dashboard.series('fill_level', nodes, at - '14 days'::interval, at, '1 hour') AS s
    ), emptied AS (
        SELECT node, max(time) FILTER (WHERE value < before - 20) AS at, min(time) AS first FROM hours GROUP BY node
    ), since AS (
        SELECT h.node, e.at, min(h.time) AS first, (array_agg(h.value ORDER BY h.time))[1] AS least
        FROM hours AS h JOIN emptied AS e ON e.node = h.node AND h.time >= coalesce(e.at, e.first)
        GROUP BY h.node, e.at
    )
    SELECT l.node, l.place, l.latitude, l.longitude, l.value, r.rise, (100 - l.value) / nullif(greatest(r.rise, 0), 0),
           since.at, l.time
    FROM dashboard.latest('fill_level', nodes, at) AS l
    LEFT JOIN since USING (node)
    LEFT JOIN LATERAL (
        SELECT (l.value - since.least) * 86400 / extract(epoch FROM l.time - since.first)::float8 AS rise
        WHERE l.time - since.first >= '6 hours'
    ) AS r ON true
    WHERE dashboard.counts(l.value, l.flags::int2)
$$;
COMMENT ON FUNCTION dashboard.waste IS 'fill level (%) and how fast it rose since the container was emptied, a fall of more than 20 % within an hour; looks 14 days back';
