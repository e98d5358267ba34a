-- name: has_hypertables
-- Whether TimescaleDB is in this database; its views can't be named where it isn't.
SELECT to_regclass('timescaledb_information.chunks') IS NOT NULL;

-- name: chunks
-- Chunks of the readings, the oldest first.
SELECT chunk_schema, chunk_name, range_start, range_end, is_compressed
FROM timescaledb_information.chunks
WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'reading'::regclass
ORDER BY range_start;

-- name: drop_chunk
-- Remove a chunk with all that is in it.
SELECT drop_chunks('reading', newer_than => %(start)s::timestamptz, older_than => %(end)s::timestamptz);

-- name: has_columnstore
-- Whether TimescaleDB's licence and version offer the columnstore.
SELECT current_setting('timescaledb.license', true) IS NOT DISTINCT FROM 'timescale'
   AND EXISTS (SELECT FROM pg_proc WHERE proname = 'convert_to_columnstore');

-- name: uses_columnstore
-- Whether the readings may be moved there; an operator may have said so too.
SELECT compression_enabled FROM timescaledb_information.hypertables
WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'reading'::regclass;

-- name: use_columnstore
-- The readings of a stream lie together, in order of time: nearly all queries ask for streams and a time range.
ALTER TABLE reading SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'stream_id',
                         timescaledb.orderby = 'time');

-- name: be_patient
-- A large chunk takes minutes, and has to wait for a moment without readers, but mustn't hold others up
-- while it waits. A server that we no longer hear gives up too.
SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '5s', false),
       set_config('client_connection_check_interval', '10s', false);

-- name: be_hurried
-- As the connection was before.
RESET statement_timeout; RESET lock_timeout; RESET client_connection_check_interval;

-- name: move_chunk
-- Move the plain rows of a chunk into the columnstore, the first ones or those that came late.
CALL convert_to_columnstore(%(chunk)s::text::regclass);

-- name: hours_that_wait
-- Hours that wait for their rollup, of any stream.
SELECT DISTINCT to_timestamp(hour * 3600.0)
FROM dirty_hours, unnest(hours) AS hour WHERE to_timestamp(hour * 3600.0) < %(before)s ORDER BY 1;

-- name: size
-- What a chunk takes on disk, in bytes, with its part in the columnstore.
SELECT total_bytes FROM chunks_detailed_size('reading') WHERE chunk_schema = %(schema)s AND chunk_name = %(name)s;
