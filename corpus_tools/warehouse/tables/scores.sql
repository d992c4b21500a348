CREATE TABLE scores (
    "classifier_id" VARCHAR,
    "scan_id" VARCHAR,
    "passage_id" VARCHAR,
    "content" VARCHAR
);
COMMENT ON TABLE scores IS 'Calibrated probabilities of candidates; one column per label, added from the score files.';
COMMENT ON COLUMN scores."classifier_id" IS 'classifier';
COMMENT ON COLUMN scores."scan_id" IS 'scan';
COMMENT ON COLUMN scores."passage_id" IS 'passage';
COMMENT ON COLUMN scores."content" IS 'of the passage';
