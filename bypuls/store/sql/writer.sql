-- name: share_generation_lock
-- Held to the end of the transaction, so that the rollup job can't raise the generation under it.
SELECT pg_advisory_xact_lock_shared(hashtext('bypuls.dirty_generation'));

-- name: read_generation
-- The generation that marks of dirty hours carry now.
SELECT generation FROM dirty_generation;

-- name: open_pack_logs
-- Make sure that each log has a row, so that it can be locked.
INSERT INTO pack_log (node_id, log, block, seen, last_received)
SELECT DISTINCT n, l, b, '{}'::int8multirange, now()
FROM unnest(%(nodes)s::int[], %(logs)s::text[], %(blocks)s::int8[]) AS packs (n, l, b)
ORDER BY n, l, b
ON CONFLICT DO NOTHING;

-- name: lock_pack_logs
-- Held to the end of the transaction; in order, so that two workers can't wait for each other.
SELECT FROM pack_log
WHERE (node_id, log, block) IN (
    SELECT n, l, b FROM unnest(%(nodes)s::int[], %(logs)s::text[], %(blocks)s::int8[]) AS packs (n, l, b))
ORDER BY node_id, log, block
FOR UPDATE;

-- name: find_seen
-- Which packs are safe already.
SELECT message
FROM unnest(%(nodes)s::int[], %(logs)s::text[], %(blocks)s::int8[], %(seqs)s::int8[], %(messages)s::int[])
    AS packs (node_id, log, block, seq, message)
JOIN pack_log USING (node_id, log, block)
WHERE seen @> seq;

-- name: copy_readings
-- The quick way: straight in; the primary key objects to repeats and conflicts.
COPY reading (time, stream_id, value, flags) FROM STDIN (FORMAT binary);

-- name: create_incoming
-- Staging of a batch that holds instants which are in the table already.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    position  int NOT NULL,
    time      timestamptz NOT NULL,
    stream_id int NOT NULL,
    value     float8 NOT NULL,
    flags     int2 NOT NULL
) ON COMMIT DELETE ROWS;

-- name: copy_incoming
-- The careful way, first step; each instant of a stream at most once.
COPY incoming (position, time, stream_id, value, flags) FROM STDIN (FORMAT binary);

-- name: merge_incoming
-- Second step: store what is new; leave out what is stored already with the same value; and where the
-- value is another one, touch the row without changing it, because only then is it returned. The first row
-- of the answer holds the number stored, the others position and kept value of a conflict. (To look the
-- stored values up afterwards took minutes for a batch over five years of weekly chunks: no plan leaves
-- out chunks by a value that comes from a join.)
WITH touched AS (
    INSERT INTO reading AS r (time, stream_id, value, flags)
    SELECT time, stream_id, value, flags FROM incoming ORDER BY stream_id, time
    ON CONFLICT (stream_id, time) DO UPDATE SET flags = r.flags WHERE r.value <> EXCLUDED.value
    RETURNING stream_id, time, value
), answer AS (
    SELECT position, touched.value AS kept, incoming.value
    FROM touched JOIN incoming USING (stream_id, time)
)
SELECT -1, count(*)::float8 FROM answer WHERE kept = value
UNION ALL
SELECT position, kept FROM answer WHERE kept <> value;

-- name: mark_dirty_hours
-- Hours whose rollup must be made again: those of a batch in one row.
INSERT INTO dirty_hours (generation, streams, hours)
VALUES (%(generation)s, %(streams)s::int[], %(hours)s::int[]);

-- name: log_packs
-- Which packs of a node are safe now, and which it declared dropped.
INSERT INTO pack_log (node_id, log, block, seen, dropped, last_received)
SELECT n, l, b, s::int8multirange, d::int8multirange, to_timestamp(t / 1e6)
FROM unnest(%(nodes)s::int[], %(logs)s::text[], %(blocks)s::int8[], %(seen)s::text[], %(dropped)s::text[],
            %(received)s::int8[]) AS packs (n, l, b, s, d, t)
ORDER BY n, l, b
ON CONFLICT (node_id, log, block) DO UPDATE
SET seen = pack_log.seen + EXCLUDED.seen,
    dropped = pack_log.dropped + EXCLUDED.dropped,
    last_received = greatest(pack_log.last_received, EXCLUDED.last_received);

-- name: see_nodes
-- When nodes were last heard of; in order of number, so that two workers can't wait for each other.
UPDATE node SET last_seen = greatest(last_seen, to_timestamp(t / 1e6))
FROM (SELECT node_id, seen.t
      FROM unnest(%(nodes)s::int[], %(received)s::int8[]) AS seen (n, t)
      JOIN node ON node_id = n ORDER BY node_id FOR NO KEY UPDATE OF node) AS locked
WHERE node.node_id = locked.node_id;

-- name: set_state
-- What a node, or its last will, said of itself; retained, so it comes again with each connection.
UPDATE node SET state = %(state)s, state_at = %(at)s
WHERE node_id = %(node_id)s AND state IS DISTINCT FROM %(state)s;

-- name: quarantine
-- Keep a message; the same message again only counts up.
INSERT INTO quarantine (digest, reason, detail, topic, payload, payload_size, records, received_at,
                        last_received_at, times)
VALUES (%(digest)s, %(reason)s, %(detail)s, %(topic)s, %(payload)s, %(payload_size)s, %(records)s,
        %(received)s, %(received)s, %(times)s)
ON CONFLICT (digest) DO UPDATE
SET times = quarantine.times + EXCLUDED.times, last_received_at = EXCLUDED.last_received_at;

-- name: settle_replay
-- What came of a replay.
UPDATE quarantine
SET replayed_at = now(), replay_requested_at = NULL, replay_outcome = %(outcome)s
WHERE quarantine_id = %(quarantine_id)s;

-- name: requested_replays
-- The oldest entry to replay, unless another worker has it; held to the end of the transaction.
SELECT quarantine_id, topic, payload, received_at, digest
FROM quarantine
WHERE replay_requested_at IS NOT NULL
ORDER BY replay_requested_at
LIMIT 1
FOR UPDATE SKIP LOCKED;
