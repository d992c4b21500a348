CREATE TABLE scores (
    classifier_id VARCHAR,
    scan_id VARCHAR,
    shard_id VARCHAR,
    passage_id VARCHAR,
    content VARCHAR
);

COMMENT ON TABLE scores IS 'Calibrated probability per label, of candidates. The columns after content are the labels of the score files.';
COMMENT ON COLUMN scores.classifier_id IS 'which classifier';
COMMENT ON COLUMN scores.scan_id IS 'of the passage';
COMMENT ON COLUMN scores.shard_id IS 'of the passage';
COMMENT ON COLUMN scores.passage_id IS 'of the passage';
COMMENT ON COLUMN scores.content IS 'hash of the passage''s text';
