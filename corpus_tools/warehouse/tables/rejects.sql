CREATE TABLE rejects (
    scan_id VARCHAR,
    shard_id VARCHAR,
    place VARCHAR,
    fate VARCHAR,
    records BIGINT,
    reason VARCHAR,
    detail VARCHAR
);

COMMENT ON TABLE rejects IS 'Records that are not documents or could not be read, each with a reason. One row per record or unreadable block.';
COMMENT ON COLUMN rejects.scan_id IS 'of the scan that met it';
COMMENT ON COLUMN rejects.shard_id IS 'of the shard that holds it';
COMMENT ON COLUMN rejects.place IS 'row 12, byte 3456, …';
COMMENT ON COLUMN rejects.fate IS 'rejected: the record is not a document | failed: it could not be read';
COMMENT ON COLUMN rejects.records IS 'how many: 1, or the rows of a block that does not decode';
COMMENT ON COLUMN rejects.reason IS 'a short code, the same for the same cause';
COMMENT ON COLUMN rejects.detail IS 'one line for a person; never the record''s text';
