-- Grafana's role only reads, also what no table right holds (large objects), and not for ever. By database, since roles
-- belong to the whole server, where another migration may be at work on them.
DO $$
BEGIN
    EXECUTE format('ALTER ROLE bypuls_grafana IN DATABASE %I SET default_transaction_read_only = on', current_database());
    EXECUTE format('ALTER ROLE bypuls_grafana IN DATABASE %I SET statement_timeout = ''2min''', current_database());
END
$$;
