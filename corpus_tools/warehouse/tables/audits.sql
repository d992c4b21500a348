CREATE TABLE audits (
    audit_id VARCHAR,
    name VARCHAR,
    scan_id VARCHAR,
    classifier_id VARCHAR,
    pack VARCHAR,
    headline VARCHAR,
    threshold DOUBLE,
    label_names VARCHAR[],
    dimensions VARCHAR[],
    sampled MAP(VARCHAR, BIGINT[]),
    shards VARCHAR,
    shards_done BIGINT,
    shards_partial BIGINT,
    shards_failed BIGINT,
    records_read BIGINT,
    records_kept BIGINT,
    records_empty BIGINT,
    records_rejected BIGINT,
    records_failed BIGINT,
    repeated_ids BIGINT,
    repeated_documents BIGINT
);

COMMENT ON TABLE audits IS 'One row per finished audit: a scan''s shards under one classifier, estimated.';
COMMENT ON COLUMN audits.audit_id IS 'hash of scan_id, classifier_id and the shard_ids';
COMMENT ON COLUMN audits.name IS 'from the configuration; audits of one name follow each other in time';
COMMENT ON COLUMN audits.scan_id IS 'hash of what decides which passages are kept';
COMMENT ON COLUMN audits.classifier_id IS 'hash of weights, encoder, engine and precision';
COMMENT ON COLUMN audits.pack IS 'the family of narratives that is looked for';
COMMENT ON COLUMN audits.headline IS 'the label that the audit is about';
COMMENT ON COLUMN audits.threshold IS 'score from which a passage is flagged; no estimate uses it';
COMMENT ON COLUMN audits.label_names IS 'the pack''s labels, in its order';
COMMENT ON COLUMN audits.dimensions IS 'what the estimates are broken down by';
COMMENT ON COLUMN audits.sampled IS 'data set -> [shards taken, shards there are]; one that failed is taken off only where not all are taken';
COMMENT ON COLUMN audits.shards IS 'shards that were read, whole or in part, of those there are: ''5 of 40''';
COMMENT ON COLUMN audits.shards_done IS 'shards read to their end';
COMMENT ON COLUMN audits.shards_partial IS 'shards that break off: the rows before the break are in';
COMMENT ON COLUMN audits.shards_failed IS 'shards of which nothing could be read';
COMMENT ON COLUMN audits.records_read IS 'kept + empty + rejected + failed';
COMMENT ON COLUMN audits.records_kept IS 'documents with text';
COMMENT ON COLUMN audits.records_empty IS 'documents without text';
COMMENT ON COLUMN audits.records_rejected IS 'records that are no documents; each has a reason in rejects';
COMMENT ON COLUMN audits.records_failed IS 'records that could not be read; each has a reason in rejects';
COMMENT ON COLUMN audits.repeated_ids IS 'opened documents whose given_id an earlier opened document of the same data set has';
COMMENT ON COLUMN audits.repeated_documents IS 'opened documents whose exact text an earlier opened document has';
