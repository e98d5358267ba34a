-- A plain SELECT of Grafana's role could hold the lock that every commit of ingest waits for, and write large objects once it
-- had switched its read-only default off. On a server whose superuser is somebody else this changes nothing, and PostgreSQL warns.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT p.oid::regprocedure AS name, p.proname ~ '^lo' AS large FROM pg_proc AS p
               WHERE p.pronamespace = 'pg_catalog'::regnamespace
                 AND (p.proname ~ '^pg_(try_)?advisory_' OR p.proname IN ('lo_create', 'lo_creat', 'lo_from_bytea')) LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one.name);
        IF NOT one.large THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO bypuls_ingest, %I', one.name,
                           (SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()));
        END IF;
    END LOOP;
END
$$;
