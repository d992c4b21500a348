CREATE TABLE labels (
    round VARCHAR,
    role VARCHAR,
    content VARCHAR,
    passage_id VARCHAR,
    sha256 VARCHAR,
    cell VARCHAR,
    probability DOUBLE,
    annotator VARCHAR,
    label VARCHAR,
    value BOOLEAN
);

COMMENT ON TABLE labels IS 'One row per content, label, annotator and round.';
COMMENT ON COLUMN labels.round IS 'the round that drew the passage';
COMMENT ON COLUMN labels.role IS 'estimate | train, fixed when drawn';
COMMENT ON COLUMN labels.content IS 'hash of the passage''s text; joins passages.content';
COMMENT ON COLUMN labels.passage_id IS 'one passage with that content';
COMMENT ON COLUMN labels.sha256 IS 'of the passage''s text';
COMMENT ON COLUMN labels.cell IS 'the rule''s cell that gave the rate';
COMMENT ON COLUMN labels.probability IS 'of the content being drawn in its round';
COMMENT ON COLUMN labels.annotator IS 'who';
COMMENT ON COLUMN labels.label IS 'which';
COMMENT ON COLUMN labels.value IS 'true: the passage has it';
