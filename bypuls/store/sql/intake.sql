-- name: note_batch
-- Add a batch to its minute, in its own transaction; each connection has rows of its own, so none waits for another.
INSERT INTO intake_minute AS i (minute, backend, messages, readings, repeats, conflicts, quarantined, batches, lag_seconds,
                                lag_seconds_max, commits, commit_seconds, commit_seconds_max)
VALUES (date_trunc('minute', now()), pg_backend_pid(), %(messages)s, %(readings)s, %(repeats)s, %(conflicts)s,
        %(quarantined)s, %(batches)s, %(lag)s, %(lag_max)s, %(commits)s, %(seconds)s, %(seconds)s)
ON CONFLICT (minute, backend) DO UPDATE
SET messages = i.messages + excluded.messages, readings = i.readings + excluded.readings,
    repeats = i.repeats + excluded.repeats, conflicts = i.conflicts + excluded.conflicts,
    quarantined = i.quarantined + excluded.quarantined, batches = i.batches + excluded.batches,
    lag_seconds = i.lag_seconds + excluded.lag_seconds,
    lag_seconds_max = greatest(i.lag_seconds_max, excluded.lag_seconds_max),
    commits = i.commits + excluded.commits, commit_seconds = i.commit_seconds + excluded.commit_seconds,
    commit_seconds_max = greatest(i.commit_seconds_max, excluded.commit_seconds_max);

-- name: forget_old
-- Remove the minutes of more than 90 days ago.
DELETE FROM intake_minute WHERE minute < now() - interval '90 days';
