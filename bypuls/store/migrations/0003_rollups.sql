-- Hourly rollups and how far back raw readings are kept.

-- Rows are written by the job only, whole and from the raw readings. What a column means is told by
-- bypuls.numeric.summary.Summary; NaN, and 0 for whole numbers, where the averaging kind has no such column.
CREATE TABLE reading_hour (
    stream_id    int NOT NULL,
    hour         timestamptz NOT NULL,
    n            int NOT NULL,
    n_excluded   int NOT NULL,
    resets       int NOT NULL,
    changes      int NOT NULL,
    first_time   timestamptz NOT NULL,
    last_time    timestamptz NOT NULL,
    mean         float8 NOT NULL,
    m2           float8 NOT NULL,
    minimum      float8 NOT NULL,
    maximum      float8 NOT NULL,
    first        float8 NOT NULL,
    last         float8 NOT NULL,
    cosine       float8 NOT NULL,
    sine         float8 NOT NULL,
    energy       float8 NOT NULL,
    sum          float8 NOT NULL,
    increase     float8 NOT NULL,
    held         float8 NOT NULL,
    held_seconds float8 NOT NULL,
    PRIMARY KEY (stream_id, hour)
);
COMMENT ON TABLE reading_hour IS 'the readings of a stream and hour (UTC) in sum, made by bypuls maintain; not valid while dirty_hours names the hour';
COMMENT ON COLUMN reading_hour.n IS 'readings that count; n_excluded: those left out because they are certainly wrong';
COMMENT ON COLUMN reading_hour.first_time IS '-infinity where n = 0';

-- Rollups of a stream's hours before `raw_from` can't be made again: raw readings were removed.
CREATE TABLE retention (
    stream_id int PRIMARY KEY,
    raw_from  timestamptz NOT NULL
);

-- A reading that an operator changes or takes out by SQL makes its hour dirty too; retention doesn't.
CREATE FUNCTION mark_corrected_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('bypuls.dirty_generation'));
    INSERT INTO dirty_hours (generation, streams, hours)
    SELECT generation, ARRAY[OLD.stream_id, NEW.stream_id],
           ARRAY[floor(extract(epoch FROM OLD.time) / 3600), floor(extract(epoch FROM NEW.time) / 3600)]
    FROM dirty_generation
    WHERE TG_OP = 'UPDATE'
    UNION ALL
    SELECT generation, ARRAY[OLD.stream_id], ARRAY[floor(extract(epoch FROM OLD.time) / 3600)]
    FROM dirty_generation
    WHERE TG_OP = 'DELETE';
    RETURN NULL;
END
$$;
CREATE TRIGGER reading_changed AFTER UPDATE ON reading FOR EACH ROW
WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION mark_corrected_hour();
CREATE TRIGGER reading_removed AFTER DELETE ON reading FOR EACH ROW
WHEN (coalesce(current_setting('bypuls.retention', true), '') <> 'on') EXECUTE FUNCTION mark_corrected_hour();

GRANT SELECT ON reading_hour, dirty_hours, retention TO bypuls_api;
GRANT SELECT ON reading_hour TO bypuls_grafana;
