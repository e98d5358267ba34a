-- Registry, readings, quarantine, sequence log and dirty hours.

CREATE TABLE node (
    node_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node        text NOT NULL UNIQUE CHECK (node ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    owner       text,
    place       text,
    latitude    float8 CHECK (latitude BETWEEN -90 AND 90),
    longitude   float8 CHECK (longitude BETWEEN -180 AND 180),
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz,
    state       text,
    state_at    timestamptz,
    CHECK ((latitude IS NULL) = (longitude IS NULL))
) WITH (fillfactor = 50);  -- last_seen changes every few seconds: room for it on the same page
COMMENT ON COLUMN node.last_seen IS 'when ingest last received a pack from the node';
COMMENT ON COLUMN node.state IS 'what the node, or its last will, said on its status topic: online or offline';

CREATE TABLE stream (
    stream_id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_id           int NOT NULL REFERENCES node ON DELETE RESTRICT,
    channel           text NOT NULL,
    quantity          text,
    statistic         text NOT NULL DEFAULT '',
    unit              text NOT NULL,
    expected_interval float8 CHECK (expected_interval > 0),
    open_data         boolean NOT NULL DEFAULT false,
    UNIQUE (node_id, channel)
);
CREATE INDEX stream_quantity ON stream (quantity);
COMMENT ON COLUMN stream.quantity IS 'key of the catalogue; null where the channel names none';
COMMENT ON COLUMN stream.unit IS 'UCUM; values are stored in it';
COMMENT ON COLUMN stream.expected_interval IS 'seconds between readings';

-- No foreign key on stream_id: a check per row would cost more than the insert, and the only writer
-- takes its numbers from the registry.
CREATE TABLE reading (
    time      timestamptz NOT NULL,
    stream_id int         NOT NULL,
    value     float8      NOT NULL,
    flags     int2        NOT NULL,
    PRIMARY KEY (stream_id, time)
);
COMMENT ON COLUMN reading.flags IS 'bit field of bypuls.quality.Flag; 0: no check objected';

CREATE TABLE quarantine (
    quarantine_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest              bytea NOT NULL UNIQUE,
    reason              text NOT NULL,
    detail              text NOT NULL,
    topic               text NOT NULL,
    payload             bytea NOT NULL,
    payload_size        int NOT NULL,
    records             int[],
    received_at         timestamptz NOT NULL,
    last_received_at    timestamptz NOT NULL,
    times               bigint NOT NULL DEFAULT 1,
    replay_requested_at timestamptz,
    replayed_at         timestamptz,
    replay_outcome      text
);
CREATE INDEX quarantine_reason ON quarantine (reason, quarantine_id);
CREATE INDEX quarantine_replay ON quarantine (replay_requested_at) WHERE replay_requested_at IS NOT NULL;
COMMENT ON COLUMN quarantine.digest IS 'of topic, payload, reason and, where the times are relative, receipt: the same message again only counts up';
COMMENT ON COLUMN quarantine.replay_outcome IS 'of the last replay: resolved, or what is still wrong';
COMMENT ON COLUMN quarantine.records IS 'positions of the records at fault; null: the whole message';
COMMENT ON COLUMN quarantine.payload IS 'the original bytes; cut where payload_size says that there were more';

CREATE TABLE pack_log (
    node_id       int NOT NULL REFERENCES node ON DELETE CASCADE,
    log           text NOT NULL,
    block         int8 NOT NULL,
    seen          int8multirange NOT NULL,
    dropped       int8multirange NOT NULL DEFAULT '{}',
    last_received timestamptz NOT NULL,
    PRIMARY KEY (node_id, log, block)
) WITH (fillfactor = 50);  -- room for the new version of a row on its page: 16 us a pack instead of 22
COMMENT ON TABLE pack_log IS 'which packs of a node are safe (seen), and which the node declared lost (dropped)';
COMMENT ON COLUMN pack_log.block IS 'seq / 4096, of dropped ranges that of their low end: bounds the size of a row';

-- A mark carries the generation in which it was set. The rollup job raises the generation, then works on
-- the older marks only, so that ingest may skip marks that it set itself in the same generation.
CREATE TABLE dirty_hours (
    dirty_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation bigint NOT NULL,
    streams    int[] NOT NULL,
    hours      int[] NOT NULL,
    CHECK (cardinality(streams) = cardinality(hours))
);
COMMENT ON TABLE dirty_hours IS 'pairs of stream and hour (since 1970, UTC) whose rollup must be made again; a batch a row';
CREATE TABLE dirty_generation (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation bigint NOT NULL
);
INSERT INTO dirty_generation (generation) VALUES (1);
