-- What is told in few rows of a year of hours.

CREATE OR REPLACE FUNCTION dashboard.air_classes(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE (node text, place text, class int, hours bigint)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start       timestamptz := date_trunc('hour', air_classes.since, 'UTC');
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.stream AS s JOIN dashboard.air_bounds USING (quantity)
                               WHERE air_classes.nodes IS NULL OR s.node = ANY(air_classes.nodes));
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, until) AS u;
    RETURN QUERY
    SELECT n.node, coalesce(n.place, n.node), c.class, c.hours
    FROM public.node AS n
    CROSS JOIN LATERAL (
        SELECT hour.class, count(*) AS hours
        FROM (
            SELECT max(CASE WHEN h.mean < b.moderate THEN 1 WHEN h.mean < b.high THEN 2 WHEN h.mean < b.very_high THEN 3
                            ELSE 4 END) AS class
            FROM public.stream AS s
            JOIN dashboard.air_bounds AS b USING (quantity)
            CROSS JOIN LATERAL dashboard.hour_means(
                s.stream_id, 'linear', start, until, due_streams, due_hours) AS h
            WHERE s.node_id = n.node_id AND s.stream_id = ANY(ids)
              AND h.n * s.expected_interval >= 0.85 * 3600 AND h.hour <= until - '1 hour'::interval
            GROUP BY h.hour
        ) AS hour
        GROUP BY hour.class
    ) AS c;
END
$$;

CREATE OR REPLACE FUNCTION dashboard.exceedances(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, metric text, quantity text, period text, limit_value float8, allowed int,
               exceeded bigint, allowance_left bigint, assessed bigint, not_assessed bigint,
               last_exceeded timestamptz, last_value float8, mean_so_far float8)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    year        timestamptz := date_trunc('year', at, 'Europe/Oslo');
    days        timestamptz[] := ARRAY(SELECT generate_series(year, at + '26 hours'::interval, '1 day', 'Europe/Oslo'));
    one         record;
    whole       bigint;
    ids         int[];
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    -- A quantity's windows tell of its limit by hour or day, and of its mean so far.
    FOR one IN SELECT * FROM dashboard.legal_limits AS l WHERE l.period <> 'year' LOOP
        whole := CASE one.period
            WHEN 'hour' THEN floor(date_part('epoch', at - year) / 3600)
            ELSE (SELECT count(*) FROM generate_series(
                year, date_trunc('day', at, 'Europe/Oslo') - '1 microsecond'::interval, '1 day', 'Europe/Oslo')) END;
        ids := ARRAY(SELECT s.stream_id FROM dashboard.streams(one.quantity, nodes) AS s);
        SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, year, at) AS u;
        RETURN QUERY
        WITH compared AS MATERIALIZED (
            SELECT s.stream_id, c.*
            FROM public.stream AS s
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE e.enough AND h.mean > one.limit_value) AS exceeded,
                       count(*) FILTER (WHERE e.enough) AS assessed,
                       max(ARRAY[date_part('epoch', h.hour), h.mean]) FILTER (
                           WHERE e.enough AND h.mean > one.limit_value) AS last,
                       sum(h.n * h.mean) / sum(h.n) AS mean
                FROM dashboard.hour_means(s.stream_id, 'linear', year, at, due_streams, due_hours) AS h
                CROSS JOIN LATERAL (
                    SELECT h.n * s.expected_interval >= 0.85 * 3600 AND h.hour <= at - '1 hour'::interval
                ) AS e (enough)
            ) AS c
            WHERE one.period = 'hour' AND s.stream_id = ANY(ids)
            UNION ALL
            SELECT s.stream_id, c.*
            FROM public.stream AS s
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE e.enough AND d.mean > one.limit_value) AS exceeded,
                       count(*) FILTER (WHERE e.enough) AS assessed,
                       max(ARRAY[date_part('epoch', days[d.day]), d.mean]) FILTER (
                           WHERE e.enough AND d.mean > one.limit_value) AS last,
                       sum(d.n * d.mean) / sum(d.n) AS mean
                FROM (
                    SELECT width_bucket(h.hour, days) AS day, sum(h.n) AS n, sum(h.n * h.mean) / sum(h.n) AS mean
                    FROM dashboard.hour_means(s.stream_id, 'linear', year, at, due_streams, due_hours) AS h
                    GROUP BY 1
                ) AS d
                CROSS JOIN LATERAL (
                    SELECT d.n * s.expected_interval >= 0.85 * date_part('epoch', days[d.day + 1] - days[d.day])
                           AND days[d.day + 1] <= at
                ) AS e (enough)
            ) AS c
            WHERE one.period = 'day' AND s.stream_id = ANY(ids)
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
        ) AS r (exceeded, assessed, not_assessed, last_exceeded, last_value, mean)
        WHERE c.mean IS NOT NULL;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION dashboard.night_flow(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, value float8, coverage float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    ids       int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('water_volume', night_flow.nodes) AS s);
    unsettled timestamptz;
BEGIN
    -- From the first hour on whose rollup can't be taken nights are made like any window; mostly there is none.
    SELECT coalesce(min(due.hour), until) INTO unsettled
    FROM dashboard.unsettled(ids, since - '1 year'::interval, until) AS u CROSS JOIN unnest(u.hours) AS due (hour);
    RETURN QUERY
    WITH night AS MATERIALIZED (
        -- Local times of which there is one each, whatever is done to the clocks between two and three.
        SELECT d.day AT TIME ZONE 'Europe/Oslo' AS day,
               (d.day + '1 hour'::interval) AT TIME ZONE 'Europe/Oslo' + '1 hour'::interval AS "from",
               (d.day + '4 hours'::interval) AT TIME ZONE 'Europe/Oslo' AS "to"
        FROM generate_series(date_trunc('day', since AT TIME ZONE 'Europe/Oslo'), until AT TIME ZONE 'Europe/Oslo', '1 day')
            AS d (day)
    ), whole AS (
        SELECT * FROM night WHERE night.from >= date_trunc('hour', since, 'UTC') AND night.to <= until
    )
    SELECT f.day, s.node, s.place, s.metric, f.value, f.coverage
    FROM (
        SELECT s.stream_id, whole.day, avg(f.value) AS value, avg(least(f.n * s.expected_interval / 3600, 1)) AS coverage
        FROM whole CROSS JOIN public.stream AS s
        CROSS JOIN LATERAL (
            SELECT h.hour, h.n, CASE WHEN h.n > 1 OR h.step IS NOT NULL THEN h.increase + coalesce(h.step, 0) END AS value
            FROM (
                SELECT h.hour, h.n, h.increase,
                       dashboard.risen(lag(h.last) OVER (ORDER BY h.hour), h.first, s.modulus) AS step
                FROM public.reading_hour AS h
                WHERE h.stream_id = s.stream_id AND h.n > 0 AND h.hour < whole.to AND h.hour >= coalesce((
                    SELECT b.hour FROM public.reading_hour AS b
                    WHERE b.stream_id = s.stream_id AND b.n > 0 AND b.hour < whole.from
                      AND b.hour >= whole.from - '1 year'::interval
                    ORDER BY b.hour DESC LIMIT 1), whole.from)
                OFFSET 0
            ) AS h
            WHERE h.hour >= whole.from
        ) AS f
        WHERE s.stream_id = ANY(ids) AND whole.to <= unsettled
        GROUP BY s.stream_id, whole.day
        UNION ALL
        SELECT w.stream_id, whole.day, avg(w.value), avg(least(w.n * s.expected_interval / 3600, 1))
        FROM dashboard.windows(ids, 'counter', (SELECT min(whole.from) FROM whole WHERE whole.to > unsettled), until, '1 hour') AS w
        JOIN public.stream AS s USING (stream_id)
        JOIN whole ON w.time >= whole.from AND w.time < whole.to
        GROUP BY w.stream_id, whole.day
    ) AS f JOIN dashboard.stream AS s USING (stream_id);
END
$$;

CREATE OR REPLACE FUNCTION dashboard.lden(nodes text[], since timestamptz, until timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, lden float8, lday float8, levening float8,
               lnight float8, coverage float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start       timestamptz := dashboard.window_of(lden.since, '1 day');
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('sound_level', lden.nodes) AS s);
    -- Four a day: where its early night, day, evening and late night begin.
    edges       timestamptz[] := ARRAY(
        SELECT (d.day + e.hour * '1 hour'::interval) AT TIME ZONE 'Europe/Oslo'
        FROM generate_series(start AT TIME ZONE 'Europe/Oslo', until AT TIME ZONE 'Europe/Oslo', '1 day') AS d (day)
        CROSS JOIN unnest('{0,7,19,23}'::int[]) AS e (hour)
        ORDER BY 1);
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, until) AS u;
    RETURN QUERY
    SELECT d.day, s.node, s.place, s.metric, 10 * log((12 * d.d + 4 * d.e * 10 ^ 0.5 + 8 * d.n * 10) / 24), 10 * log(d.d),
           10 * log(d.e), 10 * log(d.n), d.coverage
    FROM (
        SELECT p.stream_id, edges[p.day * 4 + 1] AS day, max(p.energy) FILTER (WHERE p.period = 1) AS d,
               max(p.energy) FILTER (WHERE p.period = 2) AS e, max(p.energy) FILTER (WHERE p.period = 0) AS n,
               CASE WHEN count(*) = 3 THEN least(min(p.coverage), 1) ELSE 0 END AS coverage
        FROM (
            SELECT s.stream_id, p.part / 4 AS day, p.part % 4 % 3 AS period, sum(p.energy) / sum(p.n) AS energy,
                   sum(p.hours) / ('{8,12,4}'::float8[])[p.part % 4 % 3 + 1] AS coverage
            FROM public.stream AS s
            CROSS JOIN LATERAL (
                SELECT width_bucket(h.hour, edges) - 1 AS part, sum(h.n * h.energy) AS energy, sum(h.n) AS n,
                       sum(least(h.n * s.expected_interval / 3600, 1)) AS hours
                FROM dashboard.hour_means(s.stream_id, 'energetic', start, until, due_streams, due_hours) AS h
                GROUP BY 1
            ) AS p
            WHERE s.stream_id = ANY(ids)
            GROUP BY 1, 2, 3
        ) AS p
        GROUP BY 1, 2
    ) AS d JOIN dashboard.stream AS s USING (stream_id)
    WHERE dashboard.window_end(d.day, '1 day') <= until;
END
$$;

CREATE OR REPLACE FUNCTION dashboard.waste(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, latitude float8, longitude float8, fill float8, rise_per_day float8,
               days_to_full float8, emptied_at timestamptz, "time" timestamptz)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    ids int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('fill_level', waste.nodes) AS s);
BEGIN
    RETURN QUERY
    WITH since AS MATERIALIZED (
        -- Where it fell last, or else where it begins.
        SELECT DISTINCT ON (h.stream_id) h.stream_id, h.time, h.value, h.before IS NOT NULL AS emptied
        FROM (
            SELECT w.stream_id, w.time, w.value, lag(w.value) OVER (PARTITION BY w.stream_id ORDER BY w.time) AS before
            FROM dashboard.windows(ids, 'linear', at - '14 days'::interval, at, '1 hour') AS w
        ) AS h
        WHERE h.before IS NULL OR h.value < h.before - 20
        ORDER BY h.stream_id, h.time DESC
    )
    SELECT l.node, l.place, l.latitude, l.longitude, l.value, r.rise, (100 - l.value) / nullif(greatest(r.rise, 0), 0),
           CASE WHEN since.emptied THEN since.time END, l.time
    FROM dashboard.latest('fill_level', nodes, at) AS l
    JOIN dashboard.streams('fill_level', nodes) AS s USING (node, channel)
    LEFT JOIN since USING (stream_id)
    LEFT JOIN LATERAL (
        SELECT (l.value - since.value) * 86400 / extract(epoch FROM l.time - since.time)::float8 AS rise
        WHERE l.time - since.time >= '6 hours'
    ) AS r ON true
    WHERE dashboard.counts(l.value, l.flags::int2);
END
$$;
