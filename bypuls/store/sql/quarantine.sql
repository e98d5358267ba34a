-- name: entries
-- Entries below one of them, the newest first; payloads are cut to `most` bytes.
SELECT quarantine_id, reason, detail, topic, substring(payload FROM 1 FOR %(most)s) AS payload, payload_size,
       records, received_at, last_received_at, times, replay_requested_at, replayed_at, replay_outcome
FROM quarantine
WHERE quarantine_id < %(before)s
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
ORDER BY quarantine_id DESC
LIMIT %(limit)s;

-- name: entry
-- One entry with all that is kept of its payload.
SELECT quarantine_id, reason, detail, topic, payload, payload_size,
       records, received_at, last_received_at, times, replay_requested_at, replayed_at, replay_outcome
FROM quarantine
WHERE quarantine_id = %(quarantine_id)s;

-- name: counts
-- Entries by reason; an index-only scan.
SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY reason;

-- name: request_replay
-- Ask ingest to take the entry through its checks again; an earlier request keeps its place.
UPDATE quarantine
SET replay_requested_at = coalesce(replay_requested_at, now())
WHERE quarantine_id = %(quarantine_id)s
RETURNING replay_requested_at;
