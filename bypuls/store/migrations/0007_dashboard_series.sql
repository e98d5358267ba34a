-- What dashboards ask: streams, steps, and quantities summed up over windows as the numeric core does it.
--
-- Functions in plpgsql resolve the streams once and have their statements planned with the values at hand, so that
-- chunks and branches that aren't needed cost nothing; compiling them (jit) took longer than running them. Views and the other functions are taken into the query that
-- names them. None asks for the time: the moment is an argument, and nothing from after it is looked at.

CREATE SCHEMA dashboard;
COMMENT ON SCHEMA dashboard IS 'what Grafana asks for; see docs/dashboard-functions.md';

CREATE FUNCTION dashboard.kind(quantity text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN quantity = 'wind_direction' THEN 'circular'
    WHEN quantity = 'sound_level' THEN 'energetic'
    WHEN quantity IN ('rainfall', 'people_count', 'vehicle_count', 'bicycle_count') THEN 'total'
    WHEN quantity IN ('water_volume', 'energy') THEN 'counter'
    WHEN quantity IN ('occupancy', 'lamp_state') THEN 'state'
    ELSE 'linear'
END;
COMMENT ON FUNCTION dashboard.kind IS 'averaging kind of a quantity, as in bypuls.quantities';

CREATE VIEW dashboard.stream AS
SELECT stream_id, node_id, node, owner, coalesce(place, node) AS place, latitude, longitude, channel, quantity, unit,
       expected_interval, modulus,
       coalesce(place || ' (' || node || ')', node)
           || CASE WHEN channel = named THEN ''
                   WHEN right(channel, 1 + length(named)) IN ('/' || named, ':' || named)
                       THEN ' · ' || left(channel, -1 - length(named))
                   ELSE ' · ' || channel END
           || CASE statistic WHEN 'mean' THEN ' · middel' ELSE '' END AS metric
FROM public.stream JOIN public.node USING (node_id)
CROSS JOIN LATERAL (SELECT concat_ws('.', quantity, nullif(statistic, ''))) AS n (named)
WHERE statistic IN ('', 'mean');
COMMENT ON VIEW dashboard.stream IS 'streams of plain values, with where they are and what a legend calls them';

CREATE FUNCTION dashboard.streams(quantity text, nodes text[]) RETURNS SETOF dashboard.stream
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM dashboard.stream s
    WHERE s.quantity = streams.quantity AND (streams.nodes IS NULL OR s.node = ANY(streams.nodes))
$$;
COMMENT ON FUNCTION dashboard.streams IS 'streams of a quantity; of all nodes where nodes is null';

CREATE FUNCTION dashboard.step_of(since timestamptz, until timestamptz, step interval) RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((
    SELECT standard
    FROM unnest('{10s,30s,1min,2min,5min,10min,15min,30min,1h,2h,3h,6h,12h}'::interval[]) AS standard
    WHERE standard >= coalesce(step, (until - since) / 500)
      AND (standard >= '1h' OR until - since <= '3 days')
    ORDER BY standard LIMIT 1), '1 day');
COMMENT ON FUNCTION dashboard.step_of IS 'the next standard step, at least an hour beyond three days; 500 windows if null. A step of a day is a civil one';

CREATE FUNCTION dashboard.window_of("time" timestamptz, width interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN width >= '1 day' THEN date_trunc('day', "time", 'Europe/Oslo')
            ELSE date_bin(width, "time", '1970-01-01 00:00:00+00') END;
COMMENT ON FUNCTION dashboard.window_of IS 'where the window of a time begins; days are civil ones';

CREATE FUNCTION dashboard.window_end("begin" timestamptz, width interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN width >= '1 day'
            THEN ("begin" AT TIME ZONE 'Europe/Oslo' + '1 day'::interval) AT TIME ZONE 'Europe/Oslo'
            ELSE "begin" + width END;
COMMENT ON FUNCTION dashboard.window_end IS 'where the window that begins there ends; civil days have 23 to 25 hours';

-- The same where many times are to be sorted in: days are then looked up among their beginnings, for to cut each time
-- to its civil day takes several times as long.
CREATE FUNCTION dashboard.window_among("time" timestamptz, width interval, days timestamptz[]) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN width >= '1 day' THEN days[width_bucket("time", days)]
            ELSE date_bin(width, "time", '1970-01-01 00:00:00+00') END;
CREATE FUNCTION dashboard.next_among("time" timestamptz, width interval, days timestamptz[]) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN width >= '1 day' THEN days[width_bucket("time", days) + 1]
            ELSE date_bin(width, "time", '1970-01-01 00:00:00+00') + width END;

CREATE FUNCTION dashboard.counts(value float8, flags int2) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN flags & 13::int2 = 0 AND value > '-Infinity' AND value < 'Infinity';
COMMENT ON FUNCTION dashboard.counts IS 'false for readings that are certainly wrong (bypuls.quality.CERTAINLY_WRONG) or void';

CREATE FUNCTION dashboard.direction(cosine float8, sine float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN sqrt(cosine * cosine + sine * sine) < 1e-12 THEN NULL
            WHEN atan2d(sine, cosine) >= 0 THEN atan2d(sine, cosine)
            WHEN atan2d(sine, cosine) + 360 >= 360 THEN 0
            ELSE atan2d(sine, cosine) + 360 END;
COMMENT ON FUNCTION dashboard.direction IS 'degrees from 0 below 360 of a mean unit vector; null where it points nowhere';

CREATE FUNCTION dashboard.risen(before float8, after float8, modulus float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN before IS NULL THEN NULL
            WHEN after >= before THEN after - before
            WHEN before >= 0.9 * modulus AND before <= modulus AND after < 0.1 * modulus THEN modulus - before + after
            ELSE after END;
COMMENT ON FUNCTION dashboard.risen IS 'what a meter rose, as bypuls.numeric.steps.rise; null where it is not known what it stood at';

-- Pairs of stream and hour whose rollup can't be taken: it is due, or its hour reaches beyond `until`. Where raw
-- readings were removed, the rollup is all there is.
CREATE FUNCTION dashboard.unsettled(
    ids int[], since timestamptz, until timestamptz, OUT streams int[], OUT hours timestamptz[])
LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(stream_id), '{}'), coalesce(array_agg(hour), '{}')
    FROM (
        SELECT mark.stream_id, to_timestamp(mark.hour * 3600.0) AS hour
        FROM public.dirty_hours AS d CROSS JOIN unnest(d.streams, d.hours) AS mark (stream_id, hour)
        WHERE d.first_hour < ceil(extract(epoch FROM until) / 3600)
          AND d.last_hour >= floor(extract(epoch FROM since) / 3600)
          AND mark.hour < ceil(extract(epoch FROM until) / 3600)
          AND mark.hour >= floor(extract(epoch FROM since) / 3600)
          AND mark.stream_id = ANY(ids)
        UNION
        SELECT stream_id, date_trunc('hour', until, 'UTC') FROM unnest(ids) AS stream_id
        WHERE date_trunc('hour', until, 'UTC') < until
    ) AS pair LEFT JOIN public.retention USING (stream_id)
    WHERE raw_from IS NULL OR hour >= raw_from
$$;

-- Readings in sum: hourly rollups where there are any to be trusted, and single readings, each as a sum of one.
-- What is certainly wrong is left out, and hours in which nothing else was measured. `kind` spares powers and angles
-- that aren't needed, and may be too large to be computed.
CREATE FUNCTION dashboard.hours(
    ids int[], since timestamptz, until timestamptz, due_streams int[], due_hours timestamptz[])
RETURNS SETOF public.reading_hour LANGUAGE sql STABLE AS $$
    SELECT * FROM public.reading_hour AS h
    WHERE h.stream_id = ANY(ids) AND h.hour >= since AND h.hour < until AND h.n > 0
      AND NOT EXISTS (SELECT FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
                      WHERE due.stream_id = h.stream_id AND due.hour = h.hour)
$$;

CREATE FUNCTION dashboard.pieces(
    ids int[], kind text, since timestamptz, until timestamptz, rolled boolean, single boolean, due_streams int[],
    due_hours timestamptz[])
RETURNS TABLE (stream_id int, "time" timestamptz, n int, mean float8, minimum float8, maximum float8, cosine float8,
               sine float8, energy float8, total float8, increase float8, held float8, held_seconds float8,
               first float8, last float8, first_time timestamptz, last_time timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT h.stream_id, h.hour, h.n, h.mean, h.minimum, h.maximum, h.cosine, h.sine, h.energy, h.sum, h.increase,
           h.held, h.held_seconds, h.first, h.last, h.first_time, h.last_time
    FROM dashboard.hours(ids, since, until, due_streams, due_hours) AS h
    WHERE rolled
    UNION ALL
    SELECT r.stream_id, r.time, 1, r.value, r.value, r.value, CASE WHEN kind = 'circular' THEN cosd(r.value) END,
           CASE WHEN kind = 'circular' THEN sind(r.value) END, CASE WHEN kind = 'energetic' THEN 10 ^ (r.value / 10) END,
           r.value, 0, 0, 0, r.value, r.value, r.time, r.time
    FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
    CROSS JOIN LATERAL (
        SELECT * FROM public.reading
        WHERE reading.stream_id = due.stream_id
          AND reading.time >= due.hour AND reading.time < due.hour + '1 hour'::interval
          AND reading.time >= since AND reading.time < until
    ) AS r
    WHERE NOT single AND due.stream_id = ANY(ids) AND dashboard.counts(r.value, r.flags)
    UNION ALL
    SELECT r.stream_id, r.time, 1, r.value, r.value, r.value, CASE WHEN kind = 'circular' THEN cosd(r.value) END,
           CASE WHEN kind = 'circular' THEN sind(r.value) END, CASE WHEN kind = 'energetic' THEN 10 ^ (r.value / 10) END,
           r.value, 0, 0, 0, r.value, r.value, r.time, r.time
    FROM public.reading AS r
    WHERE single AND r.stream_id = ANY(ids) AND r.time >= since AND r.time < until
      AND dashboard.counts(r.value, r.flags)
$$;

CREATE FUNCTION dashboard.last_before(ids int[], "before" timestamptz)
RETURNS TABLE (stream_id int, "time" timestamptz, value float8)
LANGUAGE sql STABLE AS $$
    SELECT wanted.stream_id, newest.time, newest.value
    FROM unnest(ids) AS wanted (stream_id)
    LEFT JOIN public.retention USING (stream_id)
    CROSS JOIN LATERAL (
        (SELECT r.time, r.value FROM public.reading AS r
         WHERE r.stream_id = wanted.stream_id AND r.time < "before" AND r.time >= "before" - '1 year'::interval
           AND dashboard.counts(r.value, r.flags)
         ORDER BY r.time DESC LIMIT 1)
        UNION ALL
        (SELECT h.last_time, h.last FROM public.reading_hour AS h
         WHERE h.stream_id = wanted.stream_id AND h.hour < retention.raw_from AND h.n > 0
           AND h.last_time < "before" AND h.hour < "before" AND h.hour >= "before" - '1 year'::interval
         ORDER BY h.hour DESC LIMIT 1)
        ORDER BY 1 DESC LIMIT 1
    ) AS newest
$$;
COMMENT ON FUNCTION dashboard.last_before IS 'the newest reading that counts of each stream before a time, at most a year back';

-- Streams of one kind over windows, the first of which may begin before `since`; of a whole window of readings, not
-- only of what lies between `since` and its end. Meters and states have what lies between two readings too.
CREATE FUNCTION dashboard.windows(ids int[], kind text, since timestamptz, until timestamptz, width interval)
RETURNS TABLE (stream_id int, "time" timestamptz, value float8, minimum float8, maximum float8, n bigint,
               held_seconds float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start       timestamptz := dashboard.window_of(windows.since, windows.width);
    hourly      boolean := windows.width >= '1 hour';
    due_streams int[] := '{}';
    due_hours   timestamptz[] := '{}';
    days        timestamptz[] := '{}';  -- the beginnings of all civil days of the range, and where the last one ends
BEGIN
    IF width >= '1 day' THEN
        days := ARRAY(SELECT generate_series(start, until + '26 hours'::interval, '1 day', 'Europe/Oslo'));
    END IF;
    IF hourly THEN
        SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, until) AS u;
    END IF;
    IF kind = 'counter' THEN
        RETURN QUERY
        SELECT w.stream_id, dashboard.window_among(w.time, width, days),
               CASE WHEN sum(w.n) > 1 OR bool_or(w.step IS NOT NULL) THEN sum(w.increase + coalesce(w.step, 0)) END,
               NULL::float8, NULL::float8, sum(w.n), NULL::float8
        FROM unnest(ids) AS wanted (stream_id)
        JOIN public.stream AS s USING (stream_id)
        CROSS JOIN LATERAL (
            SELECT s.stream_id, p.time, p.n, p.increase,
                   dashboard.risen(lag(p.last) OVER (ORDER BY p.time), p.first, s.modulus) AS step
            FROM (
                SELECT b.time, 0 AS n, 0::float8 AS increase, b.value AS first, b.value AS last
                FROM dashboard.last_before(ARRAY[s.stream_id], start) AS b
                UNION ALL
                SELECT p.time, p.n, p.increase, p.first, p.last
                FROM dashboard.pieces(
                    ARRAY[s.stream_id], kind, start, until, hourly, NOT hourly, due_streams, due_hours) AS p
            ) AS p
        ) AS w
        WHERE w.n > 0
        GROUP BY 1, 2;
    ELSIF kind = 'state' THEN
        -- A value holds until the next reading, for a day at the longest, through windows without readings too. Of a
        -- window only the last span reaches beyond its end: what it carries over is added once the rest is summed up.
        RETURN QUERY
        WITH own AS MATERIALIZED (
            SELECT p.stream_id, dashboard.window_among(p.since, width, days) AS time, sum(p.n) AS n,
                   sum(p.held + p.last * greatest(date_part('epoch', least(p.until, p.next) - p.since), 0)) AS held,
                   sum(p.held_seconds + greatest(date_part('epoch', least(p.until, p.next) - p.since), 0)) AS held_seconds,
                   max(p.next) FILTER (WHERE p.until > p.next) AS next,
                   max(p.until) FILTER (WHERE p.until > p.next) AS carried_until,
                   sum(p.last) FILTER (WHERE p.until > p.next) AS carried
            FROM (
                SELECT wanted.stream_id, p.*, dashboard.next_among(p.since, width, days) AS next
                FROM unnest(ids) AS wanted (stream_id)
                CROSS JOIN LATERAL (
                    SELECT p.n, p.held, p.held_seconds, p.last, greatest(p.last_time, start) AS since,
                           least(lead(p.first_time) OVER (ORDER BY p.time), p.last_time + '24 hours'::interval, until) AS until
                    FROM (
                        SELECT b.time, 0 AS n, 0::float8 AS held, 0::float8 AS held_seconds, b.value AS last,
                               b.time AS first_time, b.time AS last_time
                        FROM dashboard.last_before(ARRAY[wanted.stream_id], start) AS b
                        UNION ALL
                        SELECT p.time, p.n, p.held, p.held_seconds, p.last, p.first_time, p.last_time
                        FROM dashboard.pieces(
                            ARRAY[wanted.stream_id], kind, start, until, hourly, NOT hourly, due_streams, due_hours) AS p
                    ) AS p
                ) AS p
            ) AS p
            GROUP BY 1, 2
        ), held AS (
            SELECT own.stream_id, own.time, own.n, own.held, own.held_seconds FROM own
            UNION ALL
            SELECT own.stream_id, own.next, 0, own.carried * s.seconds, s.seconds
            FROM own CROSS JOIN LATERAL (
                SELECT date_part('epoch', least(own.carried_until, dashboard.next_among(own.next, width, days)) - own.next)
            ) AS s (seconds)
            WHERE own.carried_until IS NOT NULL
            UNION ALL
            SELECT own.stream_id, w.time, 0, own.carried * s.seconds, s.seconds
            FROM own CROSS JOIN LATERAL generate_series(
                dashboard.next_among(own.next, width, days), own.carried_until - '1 microsecond'::interval, width, 'Europe/Oslo'
            ) AS w (time)
            CROSS JOIN LATERAL (
                SELECT date_part('epoch', least(own.carried_until, dashboard.window_end(w.time, width)) - w.time)
            ) AS s (seconds)
            WHERE own.carried_until > dashboard.next_among(own.next, width, days)
        )
        SELECT h.stream_id, h.time, sum(h.held) / nullif(sum(h.held_seconds), 0), NULL::float8, NULL::float8,
               sum(h.n)::bigint, sum(h.held_seconds)
        FROM held AS h
        GROUP BY 1, 2;
    ELSE
        -- Rollups are windows of an hour already: to group them takes as long as to read them.
        IF width = '1 hour' THEN
            RETURN QUERY
            SELECT h.stream_id, h.hour,
                   CASE kind WHEN 'circular' THEN dashboard.direction(h.cosine, h.sine)
                             WHEN 'energetic' THEN 10 * log(h.energy)
                             WHEN 'total' THEN h.sum
                             ELSE h.mean END,
                   CASE WHEN kind <> 'circular' THEN h.minimum END, CASE WHEN kind <> 'circular' THEN h.maximum END,
                   h.n::bigint, NULL::float8
            FROM dashboard.hours(ids, start, until, due_streams, due_hours) AS h;
        END IF;
        RETURN QUERY
        SELECT p.stream_id, dashboard.window_among(p.time, width, days),
               CASE kind WHEN 'circular' THEN
                             dashboard.direction(sum(p.n * p.cosine) / sum(p.n), sum(p.n * p.sine) / sum(p.n))
                         WHEN 'energetic' THEN 10 * log(sum(p.n * p.energy) / sum(p.n))
                         WHEN 'total' THEN sum(p.total)
                         ELSE sum(p.n * p.mean) / sum(p.n) END,
               CASE WHEN kind <> 'circular' THEN min(p.minimum) END, CASE WHEN kind <> 'circular' THEN max(p.maximum) END,
               sum(p.n), NULL::float8
        FROM dashboard.pieces(ids, kind, start, until, width > '1 hour', NOT hourly, due_streams, due_hours) AS p
        GROUP BY 1, 2;
    END IF;
END
$$;
COMMENT ON FUNCTION dashboard.windows IS 'the mean of each window by averaging kind; counters: the increase, totals: the sum, states: the share of time in 1';

CREATE FUNCTION dashboard.width_of(quantity text, nodes text[], since timestamptz, until timestamptz, step interval)
RETURNS interval LANGUAGE sql STABLE AS $$
    SELECT greatest(dashboard.step_of(since, until, step), CASE WHEN EXISTS (
        SELECT FROM dashboard.streams(quantity, nodes) JOIN public.retention USING (stream_id) WHERE raw_from > since
    ) THEN '1 hour'::interval END)
$$;
COMMENT ON FUNCTION dashboard.width_of IS 'the step of a series: at least an hour where raw readings were removed';

CREATE FUNCTION dashboard.series(quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, channel text, metric text, value float8, minimum float8,
               maximum float8, n bigint, coverage float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    kind  text := dashboard.kind(series.quantity);
    width interval := dashboard.width_of(series.quantity, series.nodes, series.since, series.until, series.step);
    ids   int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams(series.quantity, series.nodes) AS s);
BEGIN
    RETURN QUERY
    SELECT w.time, s.node, s.place, s.channel, s.metric, w.value, w.minimum, w.maximum, w.n,
           least(coalesce(w.held_seconds, CASE WHEN kind <> 'state' THEN w.n * s.expected_interval END)
                 / date_part('epoch', dashboard.window_end(w.time, width) - w.time), 1)
    FROM dashboard.windows(ids, kind, series.since, series.until, width) AS w
    JOIN dashboard.stream AS s USING (stream_id);
END
$$;
COMMENT ON FUNCTION dashboard.series IS 'the plain streams of a quantity over windows, in its unit; coverage from 0 to 1, null where no interval is known';

CREATE FUNCTION dashboard.rate(quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, channel text, metric text, value float8, n bigint,
               coverage float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    -- A count stands for its whole interval: in windows finer than that it would be taken for a rate many times as high.
    wanted interval := greatest(coalesce(rate.step, (rate.until - rate.since) / 500),
        (SELECT max(s.expected_interval) FROM dashboard.streams(rate.quantity, rate.nodes) AS s) * '1 second'::interval);
    width interval := dashboard.width_of(rate.quantity, rate.nodes, rate.since, rate.until, wanted);
BEGIN
    RETURN QUERY
    SELECT s.time, s.node, s.place, s.channel, s.metric,
           s.value * 3600 / extract(
               epoch FROM least(dashboard.window_end(s.time, width), rate.until) - s.time)::float8,
           s.n, s.coverage
    FROM dashboard.series(rate.quantity, rate.nodes, rate.since, rate.until, width) AS s;
END
$$;
COMMENT ON FUNCTION dashboard.rate IS 'amounts (totals, meters) by the hour: vehicles, m3, kWh an hour; of a window that isn''t over, of its part that is. The step is at least the longest interval of the streams';

GRANT USAGE ON SCHEMA dashboard TO bypuls_grafana;
GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO bypuls_grafana;
GRANT SELECT ON dirty_hours, retention TO bypuls_grafana;

-- Whoever only reads makes no temporary tables either; ingest has its own grant.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
