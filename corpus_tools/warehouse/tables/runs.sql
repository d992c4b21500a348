CREATE TABLE runs (
    "run_id" VARCHAR,
    "audit_id" VARCHAR,
    "started" TIMESTAMPTZ,
    "finished" TIMESTAMPTZ,
    "version" VARCHAR,
    "host" VARCHAR,
    "config" JSON
);
COMMENT ON TABLE runs IS 'Times and machines; the only table that two equal runs do not share.';
COMMENT ON COLUMN runs."run_id" IS 'start and a random part';
COMMENT ON COLUMN runs."audit_id" IS 'what the run came to';
COMMENT ON COLUMN runs."started" IS 'UTC';
COMMENT ON COLUMN runs."finished" IS 'UTC';
COMMENT ON COLUMN runs."version" IS 'of corpus-audit';
COMMENT ON COLUMN runs."host" IS 'machine';
COMMENT ON COLUMN runs."config" IS 'the configuration as it was asked for';
