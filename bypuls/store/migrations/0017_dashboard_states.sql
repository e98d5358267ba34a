-- What took longest for many streams: states, bursts, and the air now.

-- States over windows. A value holds until the next reading, for a day at the longest, through windows without readings
-- too. Where a row's window begins within what the row before it holds, that is brought to it; what reaches beyond the
-- window after it, over windows without any row (a gap), is told apart from the rows. Times are seconds from `since`, of
-- which less is to be computed than of intervals. Windows of one row each took twice as long when they were summed up
-- first and what reaches over them added then; those of six rows take a fifth longer now.
DROP FUNCTION dashboard.state_windows;
CREATE FUNCTION dashboard.state_windows(
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
                                 -- No window ends sooner after another: the shortest day has 23 hours.
                                 AND (p.next_time IS NULL OR p.next_time >= p.ends + least(date_part('epoch', width), 82800))
                            THEN ARRAY[p.ends, p.reaches, p.next_time, p.last] END) AS gap
            FROM (
                SELECT p.*, greatest(least(p.reaches, p.ends) - p.last_time, 0) AS seconds,
                       CASE WHEN p.before_time < p.begins
                            THEN least(p.first_time, p.before_time + 86400) - p.begins END AS brought
                FROM (
                    SELECT p.*, least(p.next_time, date_part('epoch', until - since), p.last_time + 86400) AS reaches,
                           CASE WHEN p.begin IS NULL THEN 0
                                WHEN width < '1 day' THEN p.begins + date_part('epoch', width)
                                ELSE date_part('epoch', dashboard.next_among(p.begin, width, days) - since) END AS ends
                    FROM (
                        SELECT p.*, lead(p.first_time) OVER o AS next_time, lag(p.last) OVER o AS before,
                               lag(p.last_time) OVER o AS before_time
                        FROM (
                            -- Of no window: what it holds is brought to the first row, or a gap from `since` on.
                            SELECT b.time, NULL::timestamptz AS begin, NULL::float8 AS begins, 0 AS n, 0::float8 AS held,
                                   0::float8 AS held_seconds, b.value AS last, 0::float8 AS first_time,
                                   date_part('epoch', b.time - since) AS last_time
                            FROM dashboard.last_before(ARRAY[s.stream_id], since) AS b
                            WHERE b.time > since - '24 hours'::interval
                            UNION ALL
                            SELECT h.hour, w.begin, date_part('epoch', w.begin - since), h.n, h.held, h.held_seconds,
                                   h.last, date_part('epoch', least(h.first_time, until) - since),
                                   date_part('epoch', h.last_time - since)
                            FROM dashboard.hours_of(s.stream_id, since, until, due_streams, due_hours) AS h
                            CROSS JOIN LATERAL (SELECT dashboard.window_among(h.hour, width, days)) AS w (begin)
                            WHERE rolled
                            UNION ALL
                            SELECT r.time, w.begin, date_part('epoch', w.begin - since), 1, 0::float8, 0::float8, r.value,
                                   t.time, t.time
                            FROM dashboard.due_readings(s.stream_id, since, until, due_streams, due_hours) AS r
                            CROSS JOIN LATERAL (SELECT dashboard.window_among(r.time, width, days)) AS w (begin)
                            CROSS JOIN LATERAL (SELECT date_part('epoch', r.time - since)) AS t (time)
                            UNION ALL
                            SELECT r.time, w.begin, date_part('epoch', w.begin - since), 1, 0::float8, 0::float8, r.value,
                                   t.time, t.time
                            FROM public.reading AS r
                            CROSS JOIN LATERAL (SELECT dashboard.window_among(r.time, width, days)) AS w (begin)
                            CROSS JOIN LATERAL (SELECT date_part('epoch', r.time - since)) AS t (time)
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

-- PostgreSQL shares the rows of a scan among processes, but runs no window function in more than one. So what needs
-- window functions is a function of some of the streams, asked for twice; a cost that says how long it takes has both
-- calls run at the same time where there is a worker to be had, and one after the other where there is none.

CREATE FUNCTION dashboard.parking_of(
    ids int[], since timestamptz, until timestamptz, width interval, days timestamptz[], rolled boolean,
    due_streams int[], due_hours timestamptz[])
RETURNS TABLE (node_id int, "time" timestamptz, occupied float8, bays bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000000 ROWS 10000
SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.node_id, w.time, sum(w.held / w.held_seconds), count(*)
    FROM dashboard.state_windows(ids, since, until, width, days, rolled, due_streams, due_hours) AS w
    WHERE w.held_seconds > 0
    GROUP BY w.time, w.node_id;
END
$$;

CREATE OR REPLACE FUNCTION dashboard.parking(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, occupied float8, bays bigint, share float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    width       interval := dashboard.width_of('occupancy', parking.nodes, parking.since, parking.until, parking.step);
    start       timestamptz := dashboard.window_of(parking.since, width);
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('occupancy', parking.nodes) AS s);
    half        int := cardinality(ids) / 2;
    days        timestamptz[] := dashboard.days(start, until, width);
    hourly      boolean := width >= '1 hour';
    due_streams int[] := '{}';
    due_hours   timestamptz[] := '{}';
BEGIN
    IF hourly THEN
        SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, until) AS u;
    END IF;
    RETURN QUERY
    SELECT p.time, n.node, coalesce(n.place, n.node), coalesce(n.place || ' (' || n.node || ')', n.node), p.occupied,
           p.bays, p.occupied / p.bays
    FROM (
        SELECT h.time, h.node_id, sum(h.occupied) AS occupied, sum(h.bays)::bigint AS bays
        FROM (
            SELECT * FROM dashboard.parking_of(ids[:half], start, until, width, days, hourly, due_streams, due_hours)
            UNION ALL
            SELECT * FROM dashboard.parking_of(ids[half + 1:], start, until, width, days, hourly, due_streams, due_hours)
        ) AS h
        GROUP BY h.time, h.node_id
    ) AS p JOIN public.node AS n USING (node_id);
END
$$;

-- Usual is what the same hour had in the seven days before: no model of weekends is needed to see a burst. Only of windows
-- that are over: what a meter rose since its last reading says nothing of the minutes since a window began.
CREATE FUNCTION dashboard.burst_of(
    gauges int[], meters int[], since timestamptz, until timestamptz, width interval, every interval)
RETURNS TABLE ("time" timestamptz, gauge int, meter int, pressure float8, usual float8, flow float8, usual_flow float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000000 ROWS 1000
SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    days     timestamptz[] := dashboard.days(dashboard.window_of(since, every), until, every);
    own      int[] := ARRAY(SELECT DISTINCT meter FROM unnest(meters) AS meter);
    earliest timestamptz := since - '8 days'::interval;
BEGIN
    RETURN QUERY
    WITH hour AS NOT MATERIALIZED (
        SELECT h.time, h.gauge, h.meter, h.value, h.flow, avg(h.value) OVER same AS usual, avg(h.flow) OVER same AS usual_flow
        FROM (
            SELECT p.time, pair.gauge, pair.meter, p.value, pair.number,
                   CASE WHEN f.time + '1 hour'::interval <= until THEN f.value END AS flow
            FROM dashboard.windows(gauges, 'linear', earliest, until, '1 hour') AS p
            JOIN unnest(gauges, meters) WITH ORDINALITY AS pair (gauge, meter, number) ON pair.gauge = p.stream_id
            JOIN dashboard.windows(own, 'counter', earliest, until, '1 hour') AS f
                ON f.stream_id = pair.meter AND f.time = p.time
            OFFSET 0
        ) AS h
        WINDOW same AS (PARTITION BY h.number * 24 + date_part('hour', h.time AT TIME ZONE 'Europe/Oslo') ORDER BY h.time
                        RANGE BETWEEN '7 days 1 hour' PRECEDING AND '23 hours' PRECEDING)
    ), compared AS (
        SELECT hour.time, hour.gauge, hour.meter, hour.value AS pressure, hour.usual, hour.flow, hour.usual_flow
        FROM hour
        WHERE width = '1 hour' AND hour.time >= date_trunc('hour', since, 'UTC') AND hour.flow IS NOT NULL
        UNION ALL
        SELECT p.time, hour.gauge, hour.meter, p.value, hour.usual,
               f.value * 3600 / date_part('epoch', width), hour.usual_flow
        FROM dashboard.windows(gauges, 'linear', since, until, width) AS p
        JOIN hour ON hour.gauge = p.stream_id AND hour.time = date_trunc('hour', p.time, 'UTC')
        JOIN dashboard.windows(own, 'counter', since, until, width) AS f ON f.stream_id = hour.meter AND f.time = p.time
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

CREATE OR REPLACE FUNCTION dashboard.burst(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, meter text, pressure float8, usual float8,
               "drop" float8, flow float8, usual_flow float8, flow_factor float8)
LANGUAGE plpgsql STABLE ROWS 1000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB'
SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    -- Pairs of a gauge and the meters of the nearest node that has any.
    gauges   int[];
    meters   int[];
    half     int;
    width    interval;
    every    interval;
BEGIN
    SELECT array_agg(p.stream_id ORDER BY p.stream_id), array_agg(m.stream_id ORDER BY p.stream_id) INTO gauges, meters
    FROM dashboard.streams('pipe_pressure', NULL) AS p
    CROSS JOIN LATERAL (
        SELECT w.node FROM dashboard.streams('water_volume', NULL) AS w
        WHERE dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude) <= 3
        ORDER BY dashboard.apart(p.latitude, p.longitude, w.latitude, w.longitude), w.node LIMIT 1
    ) AS nearest
    JOIN dashboard.streams('water_volume', NULL) AS m ON m.node = nearest.node
    WHERE burst.nodes IS NULL OR p.node = ANY(burst.nodes) OR m.node = ANY(burst.nodes);
    -- An increase of hours is none of quarters of an hour.
    width := least(greatest(
        dashboard.step_of(burst.since, burst.until, greatest(
            burst.step, (SELECT max(s.expected_interval) FROM public.stream AS s WHERE s.stream_id = ANY(meters)) * '1 second'::interval)),
        CASE WHEN EXISTS (SELECT FROM public.retention AS r WHERE r.stream_id = ANY(gauges || meters) AND r.raw_from > burst.since)
             THEN '1 hour'::interval END, '15 minutes'), '1 hour');
    every := CASE WHEN burst.until - burst.since > '31 days' THEN '1 day' ELSE width END;
    -- Of quarters of an hour there are too few to be worth a second process. Not between two pairs of one gauge: of
    -- these the worst counts.
    half := CASE WHEN width < '1 hour' THEN 0 ELSE array_position(gauges, gauges[cardinality(gauges) / 2 + 1]) - 1 END;
    RETURN QUERY
    SELECT w.time, p.node, p.place, p.metric, m.node, w.pressure, w.usual, w.usual - w.pressure, w.flow, w.usual_flow,
           w.flow / nullif(w.usual_flow, 0)
    FROM (
        SELECT * FROM dashboard.burst_of(gauges[:half], meters[:half], burst.since, burst.until, width, every)
        WHERE half > 0
        UNION ALL
        SELECT * FROM dashboard.burst_of(gauges[half + 1:], meters[half + 1:], burst.since, burst.until, width, every)
    ) AS w
    JOIN dashboard.stream AS p ON p.stream_id = w.gauge
    JOIN dashboard.stream AS m ON m.stream_id = w.meter;
END
$$;

-- Hours of which few are wanted of many streams: one statement instead of one for each component, whose planning took
-- longer than the answer.
CREATE OR REPLACE FUNCTION dashboard.air_now(nodes text[], at timestamptz)
RETURNS TABLE ("time" timestamptz, node text, place text, latitude float8, longitude float8, metric text, quantity text,
               value float8, class int, index float8, coverage float8, worst boolean)
LANGUAGE plpgsql STABLE ROWS 100 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    start       timestamptz := date_trunc('hour', at, 'UTC') - '3 hours'::interval;
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.stream AS s JOIN dashboard.air_bounds USING (quantity)
                               WHERE air_now.nodes IS NULL OR s.node = ANY(air_now.nodes));
    due_streams int[];
    due_hours   timestamptz[];
BEGIN
    SELECT u.streams, u.hours INTO due_streams, due_hours FROM dashboard.unsettled(ids, start, at) AS u;
    RETURN QUERY
    SELECT h.hour, h.node, h.place, h.latitude, h.longitude, h.metric, h.quantity, h.mean, floor(h.index)::int, h.index,
           least(h.n * h.expected_interval / 3600, 1),
           row_number() OVER (PARTITION BY h.node_id ORDER BY h.index DESC, h.quantity, h.metric) = 1
    FROM (
        SELECT s.*, h.hour, h.n, h.mean, max(h.hour) OVER (PARTITION BY s.node_id) AS newest,
               dashboard.air_index_of(h.mean, b.moderate, b.high, b.very_high) AS index
        FROM dashboard.stream AS s
        JOIN dashboard.air_bounds AS b USING (quantity)
        CROSS JOIN LATERAL dashboard.hour_means(s.stream_id, 'linear', start, at, due_streams, due_hours) AS h
        WHERE s.stream_id = ANY(ids) AND h.n * s.expected_interval >= 0.85 * 3600 AND h.hour <= at - '1 hour'::interval
    ) AS h
    WHERE h.hour = h.newest;
END
$$;
