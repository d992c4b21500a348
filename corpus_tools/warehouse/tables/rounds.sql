CREATE TABLE rounds (
    round VARCHAR,
    role VARCHAR,
    audit_id VARCHAR,
    scan_id VARCHAR,
    classifier_id VARCHAR,
    seed BIGINT,
    drawn BIGINT,
    labelled BIGINT,
    rule JSON
);

COMMENT ON TABLE rounds IS 'One row per label round: a rule by which passages are drawn for labelling.';
COMMENT ON COLUMN rounds.round IS 'its name';
COMMENT ON COLUMN rounds.role IS 'estimate: its labels correct the counts | train: they teach a classifier';
COMMENT ON COLUMN rounds.audit_id IS 'whose candidates it was drawn from';
COMMENT ON COLUMN rounds.scan_id IS 'of that audit';
COMMENT ON COLUMN rounds.classifier_id IS 'whose scores the rule uses';
COMMENT ON COLUMN rounds.seed IS 'of the draw';
COMMENT ON COLUMN rounds.drawn IS 'contents drawn';
COMMENT ON COLUMN rounds.labelled IS 'of these, contents with a label';
COMMENT ON COLUMN rounds.rule IS 'cell -> rate, fixed before any label was seen';
