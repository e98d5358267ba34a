-- Two things at the edge of a limit, as bypuls.legal_limits and bypuls.numeric have them: what a mean of hours is above its
-- limit by rounding only doesn't count, and the night of the day on which clocks go forward has seven hours.

CREATE FUNCTION dashboard.above(value float8, limit_value float8) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN value > limit_value * (1 + 1e-9);
COMMENT ON FUNCTION dashboard.above IS 'whether a mean is above a legal limit by more than rounding';

CREATE OR REPLACE FUNCTION dashboard.limited(nodes text[], since timestamptz, until timestamptz)
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
        SELECT w.stream_id, one.number, w.time, w.value, c.enough, c.enough AND dashboard.above(w.value, one.limit_value)
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
                SELECT count(*) FILTER (WHERE e.enough AND dashboard.above(h.mean, one.limit_value)) AS exceeded,
                       count(*) FILTER (WHERE e.enough) AS assessed,
                       max(ARRAY[date_part('epoch', h.hour), h.mean]) FILTER (
                           WHERE e.enough AND dashboard.above(h.mean, one.limit_value)) AS last,
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
                SELECT count(*) FILTER (WHERE e.enough AND dashboard.above(d.mean, one.limit_value)) AS exceeded,
                       count(*) FILTER (WHERE e.enough) AS assessed,
                       max(ARRAY[date_part('epoch', days[d.day]), d.mean]) FILTER (
                           WHERE e.enough AND dashboard.above(d.mean, one.limit_value)) AS last,
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
                   sum(p.hours) / CASE p.part % 4 % 3 WHEN 1 THEN 12 WHEN 2 THEN 4 ELSE
                       date_part('epoch', edges[p.part / 4 * 4 + 5] - edges[p.part / 4 * 4 + 1]) / 3600 - 16 END AS coverage
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
