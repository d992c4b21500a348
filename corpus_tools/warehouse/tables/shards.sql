CREATE TABLE shards (
    audit_id VARCHAR,
    scan_id VARCHAR,
    shard_id VARCHAR,
    dataset VARCHAR,
    address VARCHAR,
    uri VARCHAR,
    format VARCHAR,
    bytes BIGINT,
    revision VARCHAR,
    status VARCHAR,
    error VARCHAR,
    shard_probability DOUBLE,
    unread VARCHAR,
    records_read BIGINT,
    records_kept BIGINT,
    records_empty BIGINT,
    records_rejected BIGINT,
    records_failed BIGINT,
    documents BIGINT,
    words BIGINT,
    text_bytes BIGINT,
    hit_documents BIGINT,
    sampled_documents BIGINT,
    passages BIGINT,
    candidates BIGINT
);

COMMENT ON TABLE shards IS 'One row per audit and shard, failed ones included: where it came from, what was in it, with what probability it was taken.';
COMMENT ON COLUMN shards.audit_id IS 'one shard may be in several audits';
COMMENT ON COLUMN shards.scan_id IS 'joins documents, passages, tallies, rejects and scores, with shard_id';
COMMENT ON COLUMN shards.shard_id IS 'hash of corpus name, address and revision';
COMMENT ON COLUMN shards.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN shards.address IS 'relative to the entry''s root';
COMMENT ON COLUMN shards.uri IS 'full address';
COMMENT ON COLUMN shards.format IS 'parquet, jsonl, …';
COMMENT ON COLUMN shards.bytes IS 'size as stored';
COMMENT ON COLUMN shards.revision IS 'of the file: hash of its bytes, or the version that its server tells';
COMMENT ON COLUMN shards.status IS 'done | partial | failed';
COMMENT ON COLUMN shards.error IS 'why it failed, in one line';
COMMENT ON COLUMN shards.shard_probability IS 'of being in the audit: 1, or taken / available where shards are sampled';
COMMENT ON COLUMN shards.unread IS 'of a partial shard: what comes after the break, for a person';
COMMENT ON COLUMN shards.records_read IS 'kept + empty + rejected + failed';
COMMENT ON COLUMN shards.records_kept IS 'documents with text';
COMMENT ON COLUMN shards.records_empty IS 'documents without text';
COMMENT ON COLUMN shards.records_rejected IS 'records that are no documents';
COMMENT ON COLUMN shards.records_failed IS 'records that could not be read';
COMMENT ON COLUMN shards.documents IS 'with text';
COMMENT ON COLUMN shards.words IS 'of their text';
COMMENT ON COLUMN shards.text_bytes IS 'of their text as UTF-8';
COMMENT ON COLUMN shards.hit_documents IS 'that the gate hits';
COMMENT ON COLUMN shards.sampled_documents IS 'of the rest, opened by the audit sample';
COMMENT ON COLUMN shards.passages IS 'of opened documents';
COMMENT ON COLUMN shards.candidates IS 'passages drawn for scoring';
