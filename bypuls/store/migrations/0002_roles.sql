-- The roles of the services. Roles belong to the whole server, so they may be there already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['bypuls_ingest', 'bypuls_api', 'bypuls_grafana'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO bypuls_ingest', current_database());
END
$$;

GRANT SELECT, INSERT ON reading TO bypuls_ingest;
-- Needed by merge_incoming, which touches a row to learn its value.
GRANT UPDATE (flags) ON reading TO bypuls_ingest;
GRANT SELECT, INSERT, UPDATE ON node, stream, quarantine, pack_log TO bypuls_ingest;
GRANT SELECT, INSERT ON dirty_hours TO bypuls_ingest;
GRANT SELECT ON dirty_generation TO bypuls_ingest;

GRANT SELECT ON reading, node, stream, quarantine, pack_log TO bypuls_api;
GRANT UPDATE (replay_requested_at) ON quarantine TO bypuls_api;

GRANT SELECT ON reading, node, stream TO bypuls_grafana;
