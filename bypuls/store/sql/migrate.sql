-- name: create_migration_table
-- Which migrations this database has had.
CREATE TABLE IF NOT EXISTS bypuls_migration (
    name       text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: timescale_is_loaded
-- Whether the server offers TimescaleDB: the extension can only be created where its library is preloaded.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
   AND current_setting('shared_preload_libraries') LIKE '%timescaledb%';

-- name: make_hypertable
-- One chunk a week. No default index on time alone: nothing reads across all streams by time only, and it
-- would cost every insert.
SELECT create_hypertable('reading', by_range('time', INTERVAL '7 days'),
                         create_default_indexes => false, if_not_exists => true, migrate_data => true);
