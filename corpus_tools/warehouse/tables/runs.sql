CREATE TABLE runs (
    run_id VARCHAR,
    audit_id VARCHAR,
    started TIMESTAMP,
    finished TIMESTAMP,
    version VARCHAR,
    host VARCHAR,
    config JSON
);

COMMENT ON TABLE runs IS 'One row per run of an audit: times and machines. The only table that differs between two runs with the same inputs.';
COMMENT ON COLUMN runs.run_id IS 'one execution';
COMMENT ON COLUMN runs.audit_id IS 'what it made';
COMMENT ON COLUMN runs.started IS 'UTC';
COMMENT ON COLUMN runs.finished IS 'UTC; null if it did not finish';
COMMENT ON COLUMN runs.version IS 'of this program';
COMMENT ON COLUMN runs.host IS 'name of the machine';
COMMENT ON COLUMN runs.config IS 'the configuration as asked for';
