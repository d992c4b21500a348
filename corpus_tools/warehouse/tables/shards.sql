CREATE TABLE shards (
    "audit_id" VARCHAR,
    "scan_id" VARCHAR,
    "shard_id" VARCHAR,
    "dataset" VARCHAR,
    "address" VARCHAR,
    "uri" VARCHAR,
    "format" VARCHAR,
    "bytes" BIGINT,
    "revision" VARCHAR,
    "status" VARCHAR,
    "error" VARCHAR,
    "shard_probability" DOUBLE,
    "records_read" BIGINT,
    "records_kept" BIGINT,
    "records_empty" BIGINT,
    "records_rejected" BIGINT,
    "records_failed" BIGINT,
    "words" BIGINT,
    "text_bytes" BIGINT,
    "candidates" BIGINT
);
COMMENT ON TABLE shards IS 'Which audit has which shard, and how it went.';
COMMENT ON COLUMN shards."audit_id" IS 'audit';
COMMENT ON COLUMN shards."scan_id" IS 'scan that its tables belong to';
COMMENT ON COLUMN shards."shard_id" IS 'hash of corpus name, address, revision and fields read';
COMMENT ON COLUMN shards."dataset" IS 'name of the corpus entry';
COMMENT ON COLUMN shards."address" IS 'relative to the corpus root';
COMMENT ON COLUMN shards."uri" IS 'full address';
COMMENT ON COLUMN shards."format" IS 'reader';
COMMENT ON COLUMN shards."bytes" IS 'of the file';
COMMENT ON COLUMN shards."revision" IS 'xxh3 of a local file, ETag or version of a remote one';
COMMENT ON COLUMN shards."status" IS 'done, partial (breaks off) or failed';
COMMENT ON COLUMN shards."error" IS 'what went wrong; '''' if nothing';
COMMENT ON COLUMN shards."shard_probability" IS 'shards taken of those there are';
COMMENT ON COLUMN shards."records_read" IS '= kept + empty + rejected + failed';
COMMENT ON COLUMN shards."records_kept" IS 'documents with text';
COMMENT ON COLUMN shards."records_empty" IS 'documents without words';
COMMENT ON COLUMN shards."records_rejected" IS 'each in rejects';
COMMENT ON COLUMN shards."records_failed" IS 'each in rejects';
COMMENT ON COLUMN shards."words" IS 'in documents kept';
COMMENT ON COLUMN shards."text_bytes" IS 'in documents kept';
COMMENT ON COLUMN shards."candidates" IS 'passages scored';
