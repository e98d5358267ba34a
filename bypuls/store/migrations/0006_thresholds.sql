-- What a stream's values are compared with, by registry files.

CREATE TABLE threshold (
    stream_id int    NOT NULL REFERENCES stream ON DELETE CASCADE,
    level     text   NOT NULL CHECK (level IN ('yellow', 'orange', 'red')),
    value     float8 NOT NULL,
    PRIMARY KEY (stream_id, level)
);
COMMENT ON TABLE threshold IS 'of single gauges, set by their owner; not the levels of NVE''s flood warnings, which are regional forecasts';
COMMENT ON COLUMN threshold.value IS 'in the stream''s unit; a value above it is of the level';

GRANT SELECT ON threshold TO bypuls_api, bypuls_grafana;
