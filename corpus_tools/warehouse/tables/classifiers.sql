CREATE TABLE classifiers (
    classifier_id VARCHAR,
    pack VARCHAR,
    encoder VARCHAR,
    precision VARCHAR,
    engine VARCHAR,
    labels VARCHAR[],
    weights_sha256 VARCHAR,
    trained_on JSON
);

COMMENT ON TABLE classifiers IS 'One row per classifier that scored a finished audit.';
COMMENT ON COLUMN classifiers.classifier_id IS 'hash of weights, encoder, engine and precision';
COMMENT ON COLUMN classifiers.pack IS 'the family of narratives that it knows';
COMMENT ON COLUMN classifiers.encoder IS 'the model that makes vectors of texts';
COMMENT ON COLUMN classifiers.precision IS 'fp32 | bf16 | int8';
COMMENT ON COLUMN classifiers.engine IS 'what runs the encoder';
COMMENT ON COLUMN classifiers.labels IS 'in the order of its scores';
COMMENT ON COLUMN classifiers.weights_sha256 IS 'of its weights';
COMMENT ON COLUMN classifiers.trained_on IS 'the labels that it was fitted on';
