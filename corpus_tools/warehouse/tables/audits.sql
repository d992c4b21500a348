CREATE TABLE audits (
    "audit_id" VARCHAR,
    "name" VARCHAR,
    "scan_id" VARCHAR,
    "classifier_id" VARCHAR,
    "pack" VARCHAR,
    "headline" VARCHAR,
    "threshold" DOUBLE,
    "shards" BIGINT,
    "failed_shards" BIGINT,
    "records_read" BIGINT,
    "records_kept" BIGINT,
    "records_empty" BIGINT,
    "records_rejected" BIGINT,
    "records_failed" BIGINT
);
COMMENT ON TABLE audits IS 'One row per finished audit: a scan''s shards under one classifier.';
COMMENT ON COLUMN audits."audit_id" IS 'hash of scan_id, classifier_id and shard_ids';
COMMENT ON COLUMN audits."name" IS 'from the configuration';
COMMENT ON COLUMN audits."scan_id" IS 'what decided which passages are kept';
COMMENT ON COLUMN audits."classifier_id" IS 'what scored them';
COMMENT ON COLUMN audits."pack" IS 'codebook, lexicon and weights';
COMMENT ON COLUMN audits."headline" IS 'the label that flags and headlines are about';
COMMENT ON COLUMN audits."threshold" IS 'score from which a passage is flagged; no estimate uses it';
COMMENT ON COLUMN audits."shards" IS 'shards that stand';
COMMENT ON COLUMN audits."failed_shards" IS 'shards that do not: non-response';
COMMENT ON COLUMN audits."records_read" IS '= kept + empty + rejected + failed';
COMMENT ON COLUMN audits."records_kept" IS 'documents with text';
COMMENT ON COLUMN audits."records_empty" IS 'documents without words';
COMMENT ON COLUMN audits."records_rejected" IS 'records that are no documents, each in rejects';
COMMENT ON COLUMN audits."records_failed" IS 'records that could not be read, each in rejects';
