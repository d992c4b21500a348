CREATE TABLE documents (
    scan_id VARCHAR,
    shard_id VARCHAR,
    document_id VARCHAR,
    given_id VARCHAR,
    content VARCHAR,
    url VARCHAR,
    dataset VARCHAR,
    domain VARCHAR,
    year SMALLINT,
    language VARCHAR,
    sources MAP(VARCHAR, VARCHAR),
    stratum VARCHAR,
    open_probability DOUBLE,
    hit_passages INTEGER,
    near_passages INTEGER,
    sampled_passages INTEGER,
    bytes BIGINT,
    words BIGINT,
    unscored BOOLEAN,
    position BIGINT
);

COMMENT ON TABLE documents IS 'One row per opened document: the gate hits it, or it is in the audit sample of the rest. Loaded once per scan and shard.';
COMMENT ON COLUMN documents.scan_id IS 'of the scan';
COMMENT ON COLUMN documents.shard_id IS 'of the shard';
COMMENT ON COLUMN documents.document_id IS 'position: corpus name, relative path, and row or offset';
COMMENT ON COLUMN documents.given_id IS 'the id that the corpus gives';
COMMENT ON COLUMN documents.content IS 'hash of the text: exact copies share it';
COMMENT ON COLUMN documents.url IS 'address of the document';
COMMENT ON COLUMN documents.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN documents.domain IS 'registrable domain of the url; empty if none';
COMMENT ON COLUMN documents.year IS 'of the document''s date';
COMMENT ON COLUMN documents.language IS 'ISO 639-1, given or detected; empty if unknown';
COMMENT ON COLUMN documents.sources IS 'the names in source_fields -> their values';
COMMENT ON COLUMN documents.stratum IS 'hit: the gate hits it | sampled: in the audit sample of the rest';
COMMENT ON COLUMN documents.open_probability IS 'of being opened: 1 if hit, else the audit fraction';
COMMENT ON COLUMN documents.hit_passages IS 'passages with a gate term';
COMMENT ON COLUMN documents.near_passages IS 'passages without one, in a hit document';
COMMENT ON COLUMN documents.sampled_passages IS 'passages of a sampled document';
COMMENT ON COLUMN documents.bytes IS 'of the text as UTF-8';
COMMENT ON COLUMN documents.words IS 'runs of bytes that are not white space';
COMMENT ON COLUMN documents.unscored IS 'the classifier does not know the language: counted, not scored';
COMMENT ON COLUMN documents.position IS 'row number (Parquet), byte offset (lines) or record offset (WARC)';
