-- Less to be computed for each hour: states, meters by the hour, what rises, and bursts.

-- Seconds between two times are the difference that PostgreSQL keeps for ranges of times: date_part('epoch', ...) of an
-- interval is the same number, and takes 0.1 us more.

-- States over windows. A value holds until the next reading, for a day at the longest, through windows without readings
-- too. Times are seconds from `since`.

-- Of an hour at most, each row its own window or several of one: where a row's window begins within what the row before it
-- holds, that is brought to it; what reaches beyond the window after it, over windows without any row (a gap), is told apart
-- from the rows.
CREATE OR REPLACE FUNCTION dashboard.state_windows(
    ids int[], since timestamptz, until timestamptz, width interval, days timestamptz[], rolled boolean,
    due_streams int[], due_hours timestamptz[])
RETURNS TABLE (stream_id int, node_id int, "time" timestamptz, n bigint, held float8, held_seconds float8)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH own AS MATERIALIZED (
        SELECT s.stream_id, s.node_id, w.*
        FROM public.stream AS s
        CROSS JOIN LATERAL (
            SELECT p.begin, sum(p.n) AS n,
                   sum(CASE WHEN p.brought > 0 THEN p.held + p.last * p.seconds + p.before * p.brought
                            ELSE p.held + p.last * p.seconds END) AS held,
                   sum(CASE WHEN p.brought > 0 THEN p.held_seconds + p.seconds + p.brought
                            ELSE p.held_seconds + p.seconds END) AS held_seconds,
                   max(CASE WHEN p.reaches > p.ends
                                 AND (p.next_time IS NULL OR p.next_time >= p.ends + date_part('epoch', width))
                            THEN ARRAY[p.ends, p.reaches, p.next_time, p.last] END) AS gap
            FROM (
                SELECT p.*, greatest(least(p.reaches, p.ends) - p.last_time, 0) AS seconds,
                       CASE WHEN p.before_time < p.begins
                            THEN least(p.first_time, p.before_time + 86400) - p.begins END AS brought
                FROM (
                    SELECT p.*, least(p.next_time, tstzrange_subdiff(until, since), p.last_time + 86400) AS reaches,
                           CASE WHEN p.begin IS NULL THEN 0 ELSE p.begins + date_part('epoch', width) END AS ends
                    FROM (
                        SELECT p.*, lead(p.first_time) OVER o AS next_time, lag(p.last) OVER o AS before,
                               lag(p.last_time) OVER o AS before_time
                        FROM (
                            -- Of no window: what it holds is brought to the first row, or a gap from `since` on.
                            SELECT b.time, NULL::timestamptz AS begin, NULL::float8 AS begins, 0 AS n, 0::float8 AS held,
                                   0::float8 AS held_seconds, b.value AS last, 0::float8 AS first_time,
                                   tstzrange_subdiff(b.time, since) AS last_time
                            FROM dashboard.last_before(ARRAY[s.stream_id], since) AS b
                            WHERE b.time > since - '24 hours'::interval
                            UNION ALL
                            SELECT h.hour, w.begin, tstzrange_subdiff(w.begin, since), h.n, h.held, h.held_seconds,
                                   h.last, tstzrange_subdiff(least(h.first_time, until), since),
                                   tstzrange_subdiff(h.last_time, since)
                            FROM dashboard.hours_of(s.stream_id, since, until, due_streams, due_hours) AS h
                            CROSS JOIN LATERAL (SELECT dashboard.window_among(h.hour, width, days)) AS w (begin)
                            WHERE rolled
                            UNION ALL
                            SELECT r.time, w.begin, tstzrange_subdiff(w.begin, since), 1, 0::float8, 0::float8, r.value,
                                   t.time, t.time
                            FROM dashboard.due_readings(s.stream_id, since, until, due_streams, due_hours) AS r
                            CROSS JOIN LATERAL (SELECT dashboard.window_among(r.time, width, days)) AS w (begin)
                            CROSS JOIN LATERAL (SELECT tstzrange_subdiff(r.time, since)) AS t (time)
                            UNION ALL
                            SELECT r.time, w.begin, tstzrange_subdiff(w.begin, since), 1, 0::float8, 0::float8, r.value,
                                   t.time, t.time
                            FROM public.reading AS r
                            CROSS JOIN LATERAL (SELECT dashboard.window_among(r.time, width, days)) AS w (begin)
                            CROSS JOIN LATERAL (SELECT tstzrange_subdiff(r.time, since)) AS t (time)
                            WHERE NOT rolled AND r.stream_id = s.stream_id AND r.time >= since AND r.time < until
                              AND dashboard.counts(r.value, r.flags)
                        ) AS p
                        WINDOW o AS (ORDER BY p.time)
                        OFFSET 0
                    ) AS p
                ) AS p
                OFFSET 0
            ) AS p
            GROUP BY p.begin
        ) AS w
        WHERE s.stream_id = ANY(ids)
    )
    SELECT own.stream_id, own.node_id, own.begin, own.n, own.held, own.held_seconds FROM own WHERE own.begin IS NOT NULL
    UNION ALL
    SELECT own.stream_id, own.node_id, g.time, 0::bigint, own.gap[4] * e.seconds, e.seconds
    FROM own
    CROSS JOIN LATERAL (SELECT since + own.gap[2] * '1 second'::interval) AS r (until)
    CROSS JOIN LATERAL generate_series(
        since + own.gap[1] * '1 second'::interval,
        least(r.until, dashboard.window_of(since + own.gap[3] * '1 second'::interval, width)) - '1 microsecond'::interval,
        width, 'Europe/Oslo') AS g (time)
    CROSS JOIN LATERAL (SELECT date_part('epoch', least(r.until, dashboard.window_end(g.time, width)) - g.time)) AS e (seconds)
    WHERE own.gap IS NOT NULL
$$;

-- Of several hours, and civil days: rows tell what they hold within their own window, and windows, which are fewer, what the
-- one before brings to them. Row by row, windows of six rows took a sixth longer, civil days almost twice as long.
CREATE FUNCTION dashboard.wide_states(
    ids int[], since timestamptz, until timestamptz, width interval, days timestamptz[], due_streams int[],
    due_hours timestamptz[])
RETURNS TABLE (stream_id int, node_id int, "time" timestamptz, n bigint, held float8, held_seconds float8)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.stream_id, s.node_id, e.times[w.number], CASE WHEN w.number = w.own THEN w.n ELSE 0 END,
           CASE WHEN w.number > w.own THEN w.last * (least(w.reaches, e.edges[w.number + 1]) - e.edges[w.number])
                WHEN w.brought > w.begins THEN w.held + w.before * (w.brought - w.begins)
                ELSE w.held END,
           CASE WHEN w.number > w.own THEN least(w.reaches, e.edges[w.number + 1]) - e.edges[w.number]
                WHEN w.brought > w.begins THEN w.held_seconds + w.brought - w.begins
                ELSE w.held_seconds END
    FROM (
        SELECT t.times, ARRAY(SELECT tstzrange_subdiff(time, since) FROM unnest(t.times) AS time) AS edges
        FROM (
            SELECT CASE WHEN width >= '1 day' THEN days ELSE ARRAY(SELECT generate_series(since, until + width, width)) END
        ) AS t (times)
        OFFSET 0
    ) AS e
    CROSS JOIN public.stream AS s
    CROSS JOIN LATERAL (
        -- A window by its number, 0 for what was before `since`, with those after it that have no row, as far as what it
        -- holds reaches.
        SELECT w.*, generate_series(
                   w.own, CASE WHEN w.reaches > w.ends AND (w.following > w.own + 1 OR w.following IS NULL)
                               THEN least(w.following - 1, width_bucket(w.reaches, e.edges)) ELSE w.own END) AS number
        FROM (
            SELECT w.*, lag(w.last) OVER o AS before, lag(w.reaches) OVER o AS brought, lead(w.own) OVER o AS following
            FROM (
                SELECT width_bucket(p.ends, e.edges) - 1 AS own, e.edges[width_bucket(p.ends, e.edges) - 1] AS begins,
                       p.ends, sum(p.n) AS n, max(p.reaches) AS reaches,
                       sum(p.held + p.last * greatest(least(p.reaches, p.ends) - p.last_time, 0)) AS held,
                       sum(p.held_seconds + greatest(least(p.reaches, p.ends) - p.last_time, 0)) AS held_seconds,
                       sum(CASE WHEN p.reaches > p.ends THEN p.last END) AS last
                FROM (
                    SELECT p.last_time, p.last, p.n, p.held, p.held_seconds,
                           e.edges[width_bucket(p.last_time, e.edges) + 1] AS ends,
                           least(lead(p.first_time, 1, tstzrange_subdiff(until, since)) OVER (ORDER BY p.last_time),
                                 p.last_time + 86400) AS reaches
                    FROM (
                        SELECT tstzrange_subdiff(b.time, since) AS last_time, b.value AS last, 0 AS n, 0::float8 AS held,
                               0::float8 AS held_seconds, 0::float8 AS first_time
                        FROM dashboard.last_before(ARRAY[s.stream_id], since) AS b
                        WHERE b.time > since - '24 hours'::interval
                        UNION ALL
                        SELECT tstzrange_subdiff(h.last_time, since), h.last, h.n, h.held, h.held_seconds,
                               tstzrange_subdiff(least(h.first_time, until), since)
                        FROM dashboard.hours_of(s.stream_id, since, until, due_streams, due_hours) AS h
                        UNION ALL
                        SELECT t.time, r.value, 1, 0::float8, 0::float8, t.time
                        FROM dashboard.due_readings(s.stream_id, since, until, due_streams, due_hours) AS r
                        CROSS JOIN LATERAL (SELECT tstzrange_subdiff(r.time, since)) AS t (time)
                    ) AS p
                    OFFSET 0
                ) AS p
                GROUP BY p.ends
            ) AS w
            WINDOW o AS (ORDER BY w.ends)
            OFFSET 0
        ) AS w
        OFFSET 0
    ) AS w
    WHERE s.stream_id = ANY(ids) AND w.number > 0 AND (w.number = w.own OR w.reaches > e.edges[w.number])
$$;

CREATE OR REPLACE FUNCTION dashboard.parking_of(
    ids int[], since timestamptz, until timestamptz, width interval, days timestamptz[], rolled boolean,
    due_streams int[], due_hours timestamptz[])
RETURNS TABLE (node_id int, "time" timestamptz, occupied float8, bays bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000000 ROWS 10000
SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
BEGIN
    IF width > '1 hour' THEN
        RETURN QUERY
        SELECT w.node_id, w.time, sum(w.held / w.held_seconds), count(*)
        FROM dashboard.wide_states(ids, since, until, width, days, due_streams, due_hours) AS w
        WHERE w.held_seconds > 0
        GROUP BY w.time, w.node_id;
    ELSE
        RETURN QUERY
        SELECT w.node_id, w.time, sum(w.held / w.held_seconds), count(*)
        FROM dashboard.state_windows(ids, since, until, width, days, rolled, due_streams, due_hours) AS w
        WHERE w.held_seconds > 0
        GROUP BY w.time, w.node_id;
    END IF;
END
$$;

-- What a meter rose by the hour, since its last reading before. What is due is summed up to hours first, so that none are
-- left to be grouped.
CREATE FUNCTION dashboard.hour_rises(
    stream int, modulus float8, since timestamptz, until timestamptz, due_streams int[], due_hours timestamptz[])
RETURNS TABLE (hour timestamptz, n bigint, value float8, seconds float8) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT h.hour, h.n, CASE WHEN h.n > 1 OR h.step IS NOT NULL THEN h.increase + coalesce(h.step, 0) END,
           tstzrange_subdiff(h.last_time, CASE WHEN h.step IS NULL THEN h.first_time ELSE h.before_time END)
    FROM (
        SELECT h.hour, h.n, h.increase, h.first_time, h.last_time, lag(h.last_time) OVER o AS before_time,
               dashboard.risen(lag(h.last) OVER o, h.first, modulus) AS step
        FROM (
            SELECT b.time AS hour, 0::bigint AS n, 0::float8 AS increase, b.value AS first, b.value AS last,
                   b.time AS first_time, b.time AS last_time
            FROM dashboard.last_before(ARRAY[stream], since) AS b
            UNION ALL
            SELECT h.hour, h.n, h.increase, h.first, h.last, h.first_time, h.last_time
            FROM dashboard.hours_of(stream, since, until, due_streams, due_hours) AS h
            UNION ALL
            SELECT r.hour, count(*), coalesce(sum(r.step), 0), (array_agg(r.value ORDER BY r.time))[1],
                   (array_agg(r.value ORDER BY r.time DESC))[1], min(r.time), max(r.time)
            FROM (
                SELECT r.hour, r.time, r.value,
                       dashboard.risen(lag(r.value) OVER (PARTITION BY r.hour ORDER BY r.time), r.value, modulus) AS step
                FROM dashboard.due_readings(stream, since, until, due_streams, due_hours) AS r
            ) AS r
            GROUP BY r.hour
        ) AS h
        WINDOW o AS (ORDER BY h.hour)
        OFFSET 0
    ) AS h
    WHERE h.n > 0
$$;
COMMENT ON FUNCTION dashboard.hour_rises IS 'what a meter rose in each hour since its last reading before, and in how many seconds between readings';

-- As before, but for meters by the hour, states over several hours, and all others stream by stream: many small tables of
-- sums take less than a large one.
CREATE OR REPLACE FUNCTION dashboard.windows(ids int[], kind text, since timestamptz, until timestamptz, width interval)
RETURNS TABLE (stream_id int, "time" timestamptz, value float8, minimum float8, maximum float8, n bigint,
               held_seconds float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start       timestamptz := dashboard.window_of(windows.since, windows.width);
    hourly      boolean := windows.width >= '1 hour';
    due_streams int[] := '{}';
    due_hours   timestamptz[] := '{}';
    days        timestamptz[] := dashboard.days(start, until, width);
BEGIN
    IF hourly THEN
        SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, until) AS u;
    END IF;
    IF kind = 'counter' AND width = '1 hour' THEN
        RETURN QUERY
        SELECT s.stream_id, h.hour, h.value, NULL::float8, NULL::float8, h.n, NULL::float8
        FROM public.stream AS s
        CROSS JOIN LATERAL dashboard.hour_rises(s.stream_id, s.modulus, start, until, due_streams, due_hours) AS h
        WHERE s.stream_id = ANY(ids);
    ELSIF kind = 'counter' THEN
        RETURN QUERY
        SELECT s.stream_id, w.*
        FROM public.stream AS s
        CROSS JOIN LATERAL (
            SELECT dashboard.window_among(p.time, width, days),
                   CASE WHEN sum(p.n) > 1 OR bool_or(p.step IS NOT NULL) THEN sum(p.increase + coalesce(p.step, 0)) END,
                   NULL::float8, NULL::float8, sum(p.n), NULL::float8
            FROM (
                SELECT p.time, p.n, p.increase,
                       dashboard.risen(lag(p.last) OVER (ORDER BY p.time), p.first, s.modulus) AS step
                FROM (
                    SELECT b.time, 0 AS n, 0::float8 AS increase, b.value AS first, b.value AS last
                    FROM dashboard.last_before(ARRAY[s.stream_id], start) AS b
                    UNION ALL
                    SELECT h.hour, h.n, h.increase, h.first, h.last
                    FROM dashboard.hours_of(s.stream_id, start, until, due_streams, due_hours) AS h
                    WHERE hourly
                    UNION ALL
                    SELECT r.time, 1, 0::float8, r.value, r.value
                    FROM dashboard.due_readings(s.stream_id, start, until, due_streams, due_hours) AS r
                    UNION ALL
                    SELECT r.time, 1, 0::float8, r.value, r.value
                    FROM public.reading AS r
                    WHERE NOT hourly AND r.stream_id = s.stream_id AND r.time >= start AND r.time < until
                      AND dashboard.counts(r.value, r.flags)
                ) AS p
                OFFSET 0
            ) AS p
            WHERE p.n > 0
            GROUP BY 1
        ) AS w
        WHERE s.stream_id = ANY(ids);
    ELSIF kind = 'state' AND width > '1 hour' THEN
        RETURN QUERY
        SELECT w.stream_id, w.time, w.held / nullif(w.held_seconds, 0), NULL::float8, NULL::float8, w.n, w.held_seconds
        FROM dashboard.wide_states(ids, start, until, width, days, due_streams, due_hours) AS w;
    ELSIF kind = 'state' THEN
        RETURN QUERY
        SELECT w.stream_id, w.time, w.held / nullif(w.held_seconds, 0), NULL::float8, NULL::float8, w.n, w.held_seconds
        FROM dashboard.state_windows(ids, start, until, width, days, hourly, due_streams, due_hours) AS w;
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
        SELECT s.stream_id, w.*, NULL::float8
        FROM public.stream AS s
        CROSS JOIN LATERAL (
            SELECT dashboard.window_among(p.time, width, days),
                   CASE kind WHEN 'circular' THEN
                                 dashboard.direction(sum(p.n * p.cosine) / sum(p.n), sum(p.n * p.sine) / sum(p.n))
                             WHEN 'energetic' THEN 10 * log(sum(p.n * p.energy) / sum(p.n))
                             WHEN 'total' THEN sum(p.total)
                             ELSE sum(p.n * p.mean) / sum(p.n) END,
                   CASE WHEN kind <> 'circular' THEN min(p.minimum) END, CASE WHEN kind <> 'circular' THEN max(p.maximum) END,
                   sum(p.n)
            FROM dashboard.pieces(
                ARRAY[s.stream_id], kind, start, until, width > '1 hour', NOT hourly, due_streams, due_hours) AS p
            GROUP BY 1
        ) AS w
        WHERE s.stream_id = ANY(ids);
    END IF;
END
$$;

-- What a legend calls streams is made once for each, not for each row.
CREATE OR REPLACE FUNCTION dashboard.series(quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
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
           CASE WHEN c.coverage > 1 THEN 1 ELSE c.coverage END
    FROM dashboard.windows(ids, kind, series.since, series.until, width) AS w
    JOIN (SELECT * FROM dashboard.stream WHERE stream_id = ANY(ids) OFFSET 0) AS s USING (stream_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(w.held_seconds, CASE WHEN kind <> 'state' THEN w.n * s.expected_interval END)
               / tstzrange_subdiff(dashboard.window_end(w.time, width), w.time) AS coverage
    ) AS c;
END
$$;

-- By windows at once: what series() made of them was kept row by row only to be divided.
CREATE OR REPLACE FUNCTION dashboard.rate(quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, channel text, metric text, value float8, n bigint,
               coverage float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    ids    int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams(rate.quantity, rate.nodes) AS s);
    -- A count stands for its whole interval: in windows finer than that it would be taken for a rate many times as high.
    wanted interval := greatest(coalesce(rate.step, (rate.until - rate.since) / 500),
        (SELECT max(s.expected_interval) FROM public.stream AS s WHERE s.stream_id = ANY(ids)) * '1 second'::interval);
    width  interval := dashboard.width_of(rate.quantity, rate.nodes, rate.since, rate.until, wanted);
    kind   text := dashboard.kind(rate.quantity);
BEGIN
    RETURN QUERY
    SELECT w.time, s.node, s.place, s.channel, s.metric,
           w.value * 3600 / (e.seconds * CASE WHEN e.ends <= rate.until THEN 1 ELSE c.coverage END), w.n, c.coverage
    FROM dashboard.windows(ids, kind, rate.since, rate.until, width) AS w
    JOIN (SELECT * FROM dashboard.stream WHERE stream_id = ANY(ids) OFFSET 0) AS s USING (stream_id)
    CROSS JOIN LATERAL (SELECT dashboard.window_end(w.time, width)) AS x (ends)
    CROSS JOIN LATERAL (SELECT x.ends, tstzrange_subdiff(x.ends, w.time) AS seconds) AS e
    CROSS JOIN LATERAL (
        SELECT coalesce(w.held_seconds, CASE WHEN kind <> 'state' THEN w.n * s.expected_interval END) AS held
    ) AS h
    CROSS JOIN LATERAL (SELECT CASE WHEN h.held >= e.seconds THEN 1 ELSE h.held / e.seconds END) AS c (coverage)
    WHERE e.ends <= rate.until OR c.coverage > 0;
END
$$;

-- By the number of the stream instead of by its texts, which are joined in the end.
CREATE OR REPLACE FUNCTION dashboard.rise(
    quantity text, nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL,
    "over" interval DEFAULT '3 hours')
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, value float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
DECLARE
    width interval := dashboard.width_of(rise.quantity, rise.nodes, rise.since - "over", rise.until, rise.step);
    back  interval := ceil(extract(epoch FROM "over") / extract(epoch FROM width)) * width;
    ids   int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams(rise.quantity, rise.nodes) AS s);
BEGIN
    RETURN QUERY
    SELECT r.time, s.node, s.place, s.metric,
           (r.value - r.before) * 3600 / nullif(extract(epoch FROM r.time - r.then), 0)::float8
    FROM (
        SELECT w.*, first_value(w.value) OVER earlier AS before, first_value(w.time) OVER earlier AS "then"
        FROM dashboard.windows(ids, dashboard.kind(rise.quantity), rise.since - back, rise.until, width) AS w
        WINDOW earlier AS (PARTITION BY w.stream_id ORDER BY w.time
                           RANGE BETWEEN back * 1.05 PRECEDING AND back * 0.7 PRECEDING)
    ) AS r JOIN (SELECT * FROM dashboard.stream WHERE stream_id = ANY(ids) OFFSET 0) AS s USING (stream_id)
    WHERE r.before IS NOT NULL AND r.time >= rise.since - width;
END
$$;

-- Usual is what the same civil hour had in the seven days before: of civil hours that are numbered, the same remainder, and
-- one to seven whole numbers less. A frame of times had to add an interval to the time of every row that it looked at.
-- Flow is by the time between readings: in a window of its own width a meter that is read late or seldom flows too much.
CREATE OR REPLACE FUNCTION dashboard.burst_of(
    gauges int[], meters int[], since timestamptz, until timestamptz, width interval, every interval)
RETURNS TABLE ("time" timestamptz, gauge int, meter int, pressure float8, usual float8, flow float8, usual_flow float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000000 ROWS 1000
SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    days        timestamptz[] := dashboard.days(dashboard.window_of(since, every), until, every);
    own         int[] := ARRAY(SELECT DISTINCT meter FROM unnest(meters) AS meter);
    earliest    timestamptz := date_trunc('hour', since - '8 days'::interval, 'UTC');
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(gauges || own, earliest, until) AS u;
    RETURN QUERY
    WITH hour AS NOT MATERIALIZED (
        SELECT h.time, pair.gauge, pair.meter, h.value, h.flow, h.usual, h.usual_flow
        FROM unnest(gauges, meters) AS pair (gauge, meter)
        JOIN public.stream AS s ON s.stream_id = pair.meter
        CROSS JOIN LATERAL (
            SELECT h.time, h.value, h.flow, sum(h.value) OVER same / count(*) OVER same AS usual,
                   sum(h.flow) OVER same / count(h.flow) OVER same AS usual_flow
            FROM (
                SELECT p.hour AS time, p.mean AS value, CASE WHEN p.hour <= until - '1 hour'::interval
                            THEN f.value * 3600 / nullif(f.seconds, 0) END AS flow,
                       (tsrange_subdiff(p.hour AT TIME ZONE 'Europe/Oslo', '1970-01-01') / 3600)::int AS civil
                FROM dashboard.hour_means(pair.gauge, 'linear', earliest, until, due_streams, due_hours) AS p
                JOIN dashboard.hour_rises(pair.meter, s.modulus, earliest, until, due_streams, due_hours) AS f USING (hour)
                OFFSET 0
            ) AS h
            WINDOW same AS (PARTITION BY h.civil % 24 ORDER BY h.civil / 24 RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING)
        ) AS h
        OFFSET 0
    ), quarter AS (
        SELECT r.stream_id, dashboard.window_of(r.time, width) AS time,
               sum(r.step) * 3600 / nullif(tstzrange_subdiff(max(r.time), min(r.before_time)), 0) AS flow
        FROM (
            SELECT s.stream_id, r.time, lag(r.time) OVER o AS before_time,
                   dashboard.risen(lag(r.value) OVER o, r.value, s.modulus) AS step
            FROM public.stream AS s
            JOIN public.reading AS r USING (stream_id)
            WHERE width < '1 hour' AND s.stream_id = ANY(own) AND r.time >= since - '3 hours'::interval AND r.time < until
              AND dashboard.counts(r.value, r.flags)
            WINDOW o AS (PARTITION BY s.stream_id ORDER BY r.time)
        ) AS r
        WHERE r.step IS NOT NULL
        GROUP BY 1, 2
    ), compared AS (
        SELECT hour.time, hour.gauge, hour.meter, hour.value AS pressure, hour.usual, hour.flow, hour.usual_flow
        FROM hour
        WHERE width = '1 hour' AND hour.time >= date_trunc('hour', since, 'UTC') AND hour.flow IS NOT NULL
        UNION ALL
        SELECT p.time, hour.gauge, hour.meter, p.value, hour.usual,
               f.flow, hour.usual_flow
        FROM dashboard.windows(gauges, 'linear', since, until, width) AS p
        JOIN hour ON hour.gauge = p.stream_id AND hour.time = date_trunc('hour', p.time, 'UTC')
        JOIN quarter AS f ON f.stream_id = hour.meter AND f.time = p.time
        WHERE width < '1 hour' AND p.time + width <= until
    )
    -- The greatest drop, of equal ones the one with the greatest factor.
    SELECT w.time, w.gauge, w.worst[3]::int, w.worst[4], w.worst[5], w.worst[6], w.worst[7]
    FROM (
        SELECT dashboard.window_among(c.time, every, days) AS time, c.gauge,
               max(ARRAY[c.usual - c.pressure, coalesce(c.flow / nullif(c.usual_flow, 0), '-Infinity'), c.meter, c.pressure,
                         c.usual, c.flow, c.usual_flow]) AS worst
        FROM compared AS c
        WHERE c.usual IS NOT NULL AND c.usual_flow IS NOT NULL
        GROUP BY 1, 2
    ) AS w;
END
$$;

-- Where a bin was emptied last, stream by stream in the order of the index.
CREATE OR REPLACE FUNCTION dashboard.waste(nodes text[], at timestamptz)
RETURNS TABLE (node text, place text, latitude float8, longitude float8, fill float8, rise_per_day float8,
               days_to_full float8, emptied_at timestamptz, "time" timestamptz)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start       timestamptz := date_trunc('hour', at - '14 days'::interval, 'UTC');
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('fill_level', waste.nodes) AS s);
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, at) AS u;
    RETURN QUERY
    SELECT l.node, l.place, l.latitude, l.longitude, l.value, r.rise, (100 - l.value) / nullif(greatest(r.rise, 0), 0),
           CASE WHEN since.emptied THEN since.time END, l.time
    FROM dashboard.latest('fill_level', nodes, at) AS l
    JOIN dashboard.streams('fill_level', nodes) AS s USING (node, channel)
    LEFT JOIN LATERAL (
        -- Where it fell last, or else where it begins.
        SELECT h.hour AS time, h.mean AS value, h.before IS NOT NULL AS emptied
        FROM (
            SELECT h.hour, h.mean, lag(h.mean) OVER (ORDER BY h.hour) AS before
            FROM dashboard.hour_means(s.stream_id, 'linear', start, at, due_streams, due_hours) AS h
        ) AS h
        WHERE h.before IS NULL OR h.mean < h.before - 20
        ORDER BY h.hour DESC LIMIT 1
    ) AS since ON true
    LEFT JOIN LATERAL (
        SELECT (l.value - since.value) * 86400 / extract(epoch FROM l.time - since.time)::float8 AS rise
        WHERE l.time - since.time >= '6 hours'
    ) AS r ON true
    WHERE dashboard.counts(l.value, l.flags::int2);
END
$$;

-- Pairs of a vane and its anemometer are few: found once, and their windows hashed, not sorted.
CREATE OR REPLACE FUNCTION dashboard.wind_rose(nodes text[], since timestamptz, until timestamptz, sectors int DEFAULT 16)
RETURNS TABLE (sector int, direction float8, label text, calm_to_2 float8, from_2_to_5 float8, from_5_to_10 float8,
               above_10 float8)
LANGUAGE plpgsql STABLE ROWS 16 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB'
SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    least_width interval := greatest(dashboard.step_of(wind_rose.since, wind_rose.until, NULL), '10 minutes');
    width       interval := greatest(dashboard.width_of('wind_direction', nodes, wind_rose.since, wind_rose.until, least_width),
                                     dashboard.width_of('wind_speed', nodes, wind_rose.since, wind_rose.until, least_width));
    vanes       int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('wind_direction', wind_rose.nodes) AS s);
    anemometers int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('wind_speed', wind_rose.nodes) AS s);
BEGIN
    RETURN QUERY
    WITH blown AS (
        SELECT t.sector, count(*) FILTER (WHERE t.speed < 2) AS calm, count(*) FILTER (WHERE t.speed >= 2 AND t.speed < 5) AS light,
               count(*) FILTER (WHERE t.speed >= 5 AND t.speed < 10) AS fresh, count(*) FILTER (WHERE t.speed >= 10) AS strong,
               sum(count(*)) OVER () AS total
        FROM (
            SELECT round(d.value * sectors / 360)::int % sectors AS sector, v.value AS speed
            FROM dashboard.windows(vanes, 'circular', wind_rose.since, wind_rose.until, width) AS d
            JOIN (
                SELECT ds.stream_id AS vane, vs.stream_id AS anemometer
                FROM public.stream AS ds JOIN public.stream AS vs USING (node_id)
                WHERE ds.stream_id = ANY(vanes) AND vs.stream_id = ANY(anemometers)
                OFFSET 0
            ) AS pair ON pair.vane = d.stream_id
            JOIN dashboard.windows(anemometers, 'linear', wind_rose.since, wind_rose.until, width) AS v
                ON v.stream_id = pair.anemometer AND v.time = d.time
            WHERE d.value IS NOT NULL
        ) AS t
        GROUP BY t.sector
    )
    SELECT s.sector, (s.sector * 360.0 / sectors)::float8,
           CASE WHEN sectors = 16 THEN ('{N,NNØ,NØ,ØNØ,Ø,ØSØ,SØ,SSØ,S,SSV,SV,VSV,V,VNV,NV,NNV}'::text[])[s.sector + 1]
                ELSE round(s.sector * 360.0 / sectors)::text || '°' END,
           coalesce(b.calm, 0) / t.total, coalesce(b.light, 0) / t.total, coalesce(b.fresh, 0) / t.total,
           coalesce(b.strong, 0) / t.total
    FROM generate_series(0, sectors - 1) AS s (sector)
    CROSS JOIN (SELECT max(blown.total)::float8 FROM blown) AS t (total)
    LEFT JOIN blown AS b USING (sector)
    WHERE t.total > 0
    ORDER BY s.sector;
END
$$;
