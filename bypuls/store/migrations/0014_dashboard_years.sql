-- A year of hours of many streams, summed up in one pass: read stream by stream in the order of an index, and joined with
-- texts when few rows are left.

-- Rollups are written hour by hour, so those of one stream lie on as many pages as there are hours: from the table a year
-- of 500 nodes took panels up to 30 s, from an index of all that they read, in the order of the streams, up to 8 s. It is
-- as large as the table; docs/dashboard-functions.md tells what that costs.
CREATE INDEX reading_hour_values ON reading_hour (stream_id, hour)
INCLUDE (n, n_excluded, first_time, last_time, mean, minimum, maximum, first, last, cosine, sine, energy, sum, increase,
         held, held_seconds);
-- The index alone tells only of pages that a vacuum has seen: about once a day for 2,000 streams, and only what is new.
ALTER TABLE reading_hour SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000);

-- Where rollups can't be taken is looked up from the first such hour on: mostly it is the running one.
CREATE OR REPLACE FUNCTION dashboard.hours(
    ids int[], since timestamptz, until timestamptz, due_streams int[], due_hours timestamptz[])
RETURNS SETOF public.reading_hour LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM public.reading_hour AS h
    WHERE h.stream_id = ANY(ids) AND h.hour >= since AND h.hour < until AND h.n > 0
      AND (h.hour < (SELECT coalesce(min(due.hour), 'infinity') FROM unnest(due_hours) AS due (hour))
           OR NOT EXISTS (SELECT FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
                          WHERE due.stream_id = h.stream_id AND due.hour = h.hour))
$$;

-- The beginnings of all civil days of a range, and where the last one ends; none where windows aren't days.
CREATE FUNCTION dashboard.days(since timestamptz, until timestamptz, width interval) RETURNS timestamptz[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ARRAY(SELECT generate_series(since, until + '26 hours'::interval, '1 day', 'Europe/Oslo') WHERE width >= '1 day');

-- The same of one stream, in order.
CREATE FUNCTION dashboard.hours_of(
    stream int, since timestamptz, until timestamptz, due_streams int[], due_hours timestamptz[])
RETURNS SETOF public.reading_hour LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM public.reading_hour AS h
    WHERE h.stream_id = stream AND h.hour >= since AND h.hour < until AND h.n > 0
      AND (h.hour < (SELECT coalesce(min(due.hour), 'infinity') FROM unnest(due_hours) AS due (hour))
           OR NOT EXISTS (SELECT FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
                          WHERE due.stream_id = h.stream_id AND due.hour = h.hour))
$$;

-- Readings that count of a stream's hours whose rollup can't be taken.
CREATE FUNCTION dashboard.due_readings(
    stream int, since timestamptz, until timestamptz, due_streams int[], due_hours timestamptz[])
RETURNS TABLE (hour timestamptz, "time" timestamptz, value float8) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT due.hour, r.time, r.value
    FROM unnest(due_streams, due_hours) AS due (stream_id, hour)
    CROSS JOIN LATERAL (
        SELECT reading.time, reading.value FROM public.reading
        WHERE reading.stream_id = stream AND reading.time >= due.hour AND reading.time < due.hour + '1 hour'::interval
          AND reading.time >= since AND reading.time < until AND dashboard.counts(reading.value, reading.flags)
    ) AS r
    WHERE due.stream_id = stream
$$;

-- Means of a stream's hours, of kinds whose readings are averaged.
CREATE FUNCTION dashboard.hour_means(
    stream int, kind text, since timestamptz, until timestamptz, due_streams int[], due_hours timestamptz[])
RETURNS TABLE (hour timestamptz, n int, mean float8, energy float8) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT h.hour, h.n, h.mean, h.energy
    FROM dashboard.hours_of(stream, since, until, due_streams, due_hours) AS h
    UNION ALL
    SELECT r.hour, count(*)::int, avg(r.value), avg(CASE WHEN kind = 'energetic' THEN 10 ^ (r.value / 10) END)
    FROM dashboard.due_readings(stream, since, until, due_streams, due_hours) AS r
    GROUP BY r.hour
$$;

-- States over windows. A value holds until the next reading, for a day at the longest, through windows without readings
-- too. Of a window only what its last row holds reaches beyond its end: that is added to the windows that follow.
CREATE FUNCTION dashboard.state_windows(
    ids int[], since timestamptz, until timestamptz, width interval, days timestamptz[], rolled boolean,
    due_streams int[], due_hours timestamptz[])
RETURNS TABLE (stream_id int, "time" timestamptz, n bigint, held float8, held_seconds float8)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH own AS MATERIALIZED (
        SELECT s.stream_id, w.*
        FROM public.stream AS s
        CROSS JOIN LATERAL (
            SELECT p.begin, sum(p.n) AS n, sum(p.held + p.last * p.seconds) AS held,
                   sum(p.held_seconds + p.seconds) AS held_seconds,
                   max(p.carried_until) AS carried_until, max(p.last) FILTER (WHERE p.carried_until IS NOT NULL) AS carried,
                   lag(max(p.carried_until)) OVER o AS before_until,
                   lag(max(p.last) FILTER (WHERE p.carried_until IS NOT NULL)) OVER o AS before,
                   lead(p.begin) OVER o AS next_begin
            FROM (
                SELECT p.begin, p.n, p.held, p.held_seconds, p.last,
                       greatest(least(date_part('epoch', least(p.following, e.next) - p.last_time), p.holds), 0) AS seconds,
                       CASE WHEN p.following > e.next
                            THEN least(p.following, p.last_time + p.holds * '1 second'::interval) END AS carried_until
                FROM (
                    SELECT p.begin, p.n, p.held, p.held_seconds, p.last, p.last_time, p.holds,
                           lead(p.first_time, 1, until) OVER (ORDER BY p.time) AS following
                    FROM (
                        SELECT b.time, since AS begin, 0 AS n, 0::float8 AS held, 0::float8 AS held_seconds, b.value AS last,
                               since AS first_time, since AS last_time,
                               date_part('epoch', b.time + '24 hours'::interval - since) AS holds
                        FROM dashboard.last_before(ARRAY[s.stream_id], since) AS b
                        WHERE b.time > since - '24 hours'::interval
                        UNION ALL
                        SELECT h.hour, dashboard.window_among(h.hour, width, days), h.n, h.held, h.held_seconds, h.last,
                               least(h.first_time, until), h.last_time, 86400::float8
                        FROM dashboard.hours_of(s.stream_id, since, until, due_streams, due_hours) AS h
                        WHERE rolled
                        UNION ALL
                        SELECT r.time, dashboard.window_among(r.time, width, days), 1, 0::float8, 0::float8, r.value,
                               r.time, r.time, 86400::float8
                        FROM dashboard.due_readings(s.stream_id, since, until, due_streams, due_hours) AS r
                        UNION ALL
                        SELECT r.time, dashboard.window_among(r.time, width, days), 1, 0::float8, 0::float8, r.value,
                               r.time, r.time, 86400::float8
                        FROM public.reading AS r
                        WHERE NOT rolled AND r.stream_id = s.stream_id AND r.time >= since AND r.time < until
                          AND dashboard.counts(r.value, r.flags)
                    ) AS p
                ) AS p
                CROSS JOIN LATERAL (SELECT dashboard.next_among(p.begin, width, days)) AS e (next)
                OFFSET 0
            ) AS p
            GROUP BY p.begin
            WINDOW o AS (ORDER BY p.begin)
        ) AS w
        WHERE s.stream_id = ANY(ids)
    )
    SELECT own.stream_id, own.begin, own.n,
           CASE WHEN own.before_until > own.begin
                THEN own.held + own.before * date_part('epoch', own.before_until - own.begin) ELSE own.held END,
           CASE WHEN own.before_until > own.begin
                THEN own.held_seconds + date_part('epoch', own.before_until - own.begin) ELSE own.held_seconds END
    FROM own
    UNION ALL
    SELECT own.stream_id, g.time, 0::bigint, own.carried * e.seconds, e.seconds
    FROM own
    CROSS JOIN LATERAL generate_series(
        dashboard.window_end(own.begin, width), least(own.carried_until, own.next_begin) - '1 microsecond'::interval,
        width, 'Europe/Oslo') AS g (time)
    CROSS JOIN LATERAL (
        SELECT date_part('epoch', least(own.carried_until, dashboard.window_end(g.time, width)) - g.time)
    ) AS e (seconds)
    WHERE own.carried_until IS NOT NULL
      AND (own.next_begin IS NULL OR own.next_begin > dashboard.window_end(own.begin, width))
$$;

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
    IF kind = 'counter' THEN
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

CREATE OR REPLACE FUNCTION dashboard.parking(nodes text[], since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, node text, place text, metric text, occupied float8, bays bigint, share float8)
LANGUAGE plpgsql STABLE ROWS 10000 SET plan_cache_mode = force_custom_plan SET jit = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
    width       interval := dashboard.width_of('occupancy', parking.nodes, parking.since, parking.until, parking.step);
    start       timestamptz := dashboard.window_of(parking.since, width);
    ids         int[] := ARRAY(SELECT s.stream_id FROM dashboard.streams('occupancy', parking.nodes) AS s);
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
        SELECT w.time, s.node_id, sum(w.held / w.held_seconds) AS occupied, count(*) AS bays
        FROM dashboard.state_windows(ids, start, until, width, days, hourly, due_streams, due_hours) AS w
        JOIN public.stream AS s USING (stream_id)
        WHERE w.held_seconds > 0
        GROUP BY w.time, s.node_id
    ) AS p JOIN public.node AS n USING (node_id);
END
$$;
