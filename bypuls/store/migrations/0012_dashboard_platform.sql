-- What dashboards ask of the platform itself.

-- Written by ingest in the transaction of each batch, so the time that a commit takes comes with the batch after it.
CREATE TABLE intake_minute (
    minute             timestamptz NOT NULL,
    backend            int NOT NULL,
    messages           int8 NOT NULL,
    readings           int8 NOT NULL,
    repeats            int8 NOT NULL,
    conflicts          int8 NOT NULL,
    quarantined        int8 NOT NULL,
    batches            int8 NOT NULL,
    lag_seconds        float8 NOT NULL,
    lag_seconds_max    float8 NOT NULL,
    commits            int8 NOT NULL,
    commit_seconds     float8 NOT NULL,
    commit_seconds_max float8 NOT NULL,
    PRIMARY KEY (minute, backend)
) WITH (fillfactor = 50);  -- a row changes with each batch of its minute
COMMENT ON TABLE intake_minute IS 'what ingest took in, by minute of its commit and connection; kept for 90 days';
COMMENT ON COLUMN intake_minute.lag_seconds IS 'from a reading''s time to its commit: the medians of the batches with readings, added up';
COMMENT ON COLUMN intake_minute.commit_seconds IS 'of `commits` transactions, from their first statement to the end of their commit, added up';
GRANT SELECT, INSERT, UPDATE ON intake_minute TO bypuls_ingest;

CREATE INDEX quarantine_received ON quarantine (received_at);

CREATE VIEW dashboard.intake_minutes AS SELECT * FROM public.intake_minute;
COMMENT ON VIEW dashboard.intake_minutes IS 'what ingest took in by minute';

CREATE VIEW dashboard.quarantined AS SELECT reason, received_at, last_received_at, times FROM public.quarantine;
COMMENT ON VIEW dashboard.quarantined IS 'entries of the quarantine without topic, payload and detail';

CREATE FUNCTION dashboard.intake(since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, readings_per_second float8, messages_per_second float8, quarantined bigint,
               repeats bigint, conflicts bigint, commits bigint, commit_seconds float8, commit_seconds_max float8,
               lag_seconds float8, lag_seconds_max float8)
LANGUAGE sql STABLE ROWS 500 AS $$
    SELECT i.time, i.readings / s.seconds, i.messages / s.seconds, i.quarantined, i.repeats, i.conflicts, i.commits,
           i.commit_seconds / nullif(i.commits, 0), i.commit_seconds_max, i.lag_seconds / nullif(i.batches, 0),
           i.lag_seconds_max
    FROM (VALUES (greatest(dashboard.step_of(since, until, step), '1 minute'))) AS w (width)
    CROSS JOIN LATERAL (
        SELECT dashboard.window_of(minute, w.width) AS time, sum(readings)::float8 AS readings,
               sum(messages)::float8 AS messages, sum(quarantined)::bigint AS quarantined, sum(repeats)::bigint AS repeats,
               sum(conflicts)::bigint AS conflicts, sum(commits)::bigint AS commits, sum(batches)::bigint AS batches,
               sum(commit_seconds) AS commit_seconds, max(commit_seconds_max) AS commit_seconds_max,
               sum(lag_seconds) AS lag_seconds, max(lag_seconds_max) AS lag_seconds_max
        FROM dashboard.intake_minutes
        WHERE minute >= dashboard.window_of(since, w.width) AND minute < until
        GROUP BY 1
    ) AS i
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM least(dashboard.window_end(i.time, w.width), until) - i.time)::float8
    ) AS s (seconds)
$$;
COMMENT ON FUNCTION dashboard.intake IS 'what ingest took in: rates, and mean and longest seconds of a commit, and from a reading''s time to its commit';

CREATE FUNCTION dashboard.lag_now(at timestamptz) RETURNS TABLE (last_received timestamptz, seconds float8)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT max(h.last_seen), extract(epoch FROM at - max(h.last_seen))::float8 FROM dashboard.heard(NULL, at) AS h
$$;
COMMENT ON FUNCTION dashboard.lag_now IS 'seconds since ingest last received a pack of any node; it notes that to some 10 s';

CREATE FUNCTION dashboard.quarantine_reasons(since timestamptz, until timestamptz)
RETURNS TABLE (reason text, kinds bigint, messages bigint, last_received timestamptz)
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT reason, count(*), sum(times)::bigint, max(last_received_at)
    FROM dashboard.quarantined WHERE received_at >= since AND received_at < until GROUP BY reason
$$;
COMMENT ON FUNCTION dashboard.quarantine_reasons IS 'different messages that came into quarantine, and how often they came again, by reason';

CREATE FUNCTION dashboard.quarantine_series(since timestamptz, until timestamptz, step interval DEFAULT NULL)
RETURNS TABLE ("time" timestamptz, reason text, value bigint)
LANGUAGE sql STABLE ROWS 500 AS $$
    SELECT dashboard.window_of(received_at, w.width), reason, count(*)
    FROM (VALUES (dashboard.step_of(since, until, step))) AS w (width), dashboard.quarantined
    WHERE received_at >= dashboard.window_of(since, w.width) AND received_at < until
    GROUP BY 1, 2
$$;
COMMENT ON FUNCTION dashboard.quarantine_series IS 'different messages that came into quarantine';

ALTER TABLE dirty_hours ADD COLUMN marked_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN dirty_hours.marked_at IS 'when the first of the marks was set; once the job has ordered them, or when its hour was due if that was later';

CREATE FUNCTION dashboard.backlog(at timestamptz)
RETURNS TABLE (hours_waiting bigint, oldest timestamptz, waiting_since timestamptz, age_seconds float8, marks bigint)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT count(DISTINCT (stream_id, hour)) FILTER (WHERE due), to_timestamp(min(hour) FILTER (WHERE due) * 3600.0),
           min(since) FILTER (WHERE due),
           coalesce(greatest(extract(epoch FROM at - min(since) FILTER (WHERE due)), 0), 0)::float8, count(*)
    FROM public.dirty_hours AS d
    CROSS JOIN unnest(d.streams, d.hours) AS mark (stream_id, hour)
    CROSS JOIN LATERAL (SELECT to_timestamp((hour + 1) * 3600.0 + 60)) AS e (ended)
    CROSS JOIN LATERAL (SELECT ended <= at, greatest(ended, d.marked_at)) AS x (due, since)
$$;
COMMENT ON FUNCTION dashboard.backlog IS 'hours that are over and whose rollup is due; age_seconds: how long the first of them has waited since it was over and marked; only of marks that still are there';

-- By name, since a view that knew the table by number would hinder its migration.
CREATE VIEW dashboard.sizes (relation, bytes, estimated_rows) AS
SELECT 'database', pg_database_size(current_database()), NULL::bigint
UNION ALL
SELECT c.relname, pg_total_relation_size(c.oid) + coalesce(parts.bytes, 0),
       greatest(c.reltuples, 0)::bigint + coalesce(parts.rows, 0)
FROM pg_class AS c
LEFT JOIN LATERAL (
    SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes, sum(greatest(reltuples, 0))::bigint AS rows
    FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid WHERE inhparent = c.oid
) AS parts ON true
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p');
COMMENT ON VIEW dashboard.sizes IS 'bytes with indices, chunks counted to their table, those of the columnstore only to the database; rows as the planner estimates them';

GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO bypuls_grafana;
