-- A plain SELECT of Grafana's role could hold the lock that every commit of ingest waits for, and write large objects once it
-- had switched its read-only default off. These functions belong to the server's superuser: where the migration has another
-- user, they stay open.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc AS p
               WHERE p.pronamespace = 'pg_catalog'::regnamespace AND current_setting('is_superuser')::boolean
                 AND (p.proname ~ '^pg_(try_)?advisory_' OR p.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea')) LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one.name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO bypuls_ingest, %I', one.name,
                       (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()));
    END LOOP;
END
$$;
