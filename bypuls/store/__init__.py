"""The store: everything that is known about PostgreSQL and TimescaleDB, and the only importer of psycopg."""
