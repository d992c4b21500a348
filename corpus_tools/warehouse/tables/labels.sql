CREATE TABLE labels (
    "round" VARCHAR,
    "role" VARCHAR,
    "content" VARCHAR,
    "passage_id" VARCHAR,
    "sha256" VARCHAR,
    "cell" VARCHAR,
    "probability" DOUBLE,
    "annotator" VARCHAR,
    "label" VARCHAR,
    "value" BOOLEAN
);
COMMENT ON TABLE labels IS 'Labels: one row per content, label, annotator and round.';
COMMENT ON COLUMN labels."round" IS 'round that drew the passage';
COMMENT ON COLUMN labels."role" IS 'estimate (corrects figures) or train (fits models)';
COMMENT ON COLUMN labels."content" IS 'what the label is about';
COMMENT ON COLUMN labels."passage_id" IS 'a passage with that content';
COMMENT ON COLUMN labels."sha256" IS 'of its text';
COMMENT ON COLUMN labels."cell" IS 'the rule''s cell';
COMMENT ON COLUMN labels."probability" IS 'of the label draw';
COMMENT ON COLUMN labels."annotator" IS 'who: a person, or a language model by name';
COMMENT ON COLUMN labels."label" IS 'label';
COMMENT ON COLUMN labels."value" IS 'true or false';
