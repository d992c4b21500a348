CREATE TABLE classifiers (
    "classifier_id" VARCHAR,
    "pack" VARCHAR,
    "encoder" VARCHAR,
    "precision" VARCHAR,
    "engine" VARCHAR,
    "weights_sha256" VARCHAR,
    "trained_on" JSON
);
COMMENT ON TABLE classifiers IS 'What scored.';
COMMENT ON COLUMN classifiers."classifier_id" IS 'hash of weights, encoder, engine and precision';
COMMENT ON COLUMN classifiers."pack" IS 'pack';
COMMENT ON COLUMN classifiers."encoder" IS 'encoder';
COMMENT ON COLUMN classifiers."precision" IS 'fp32 or bf16';
COMMENT ON COLUMN classifiers."engine" IS 'runtime';
COMMENT ON COLUMN classifiers."weights_sha256" IS 'of the heads';
COMMENT ON COLUMN classifiers."trained_on" IS 'labels and rounds it was fitted on';
