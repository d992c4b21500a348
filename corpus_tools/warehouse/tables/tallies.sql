CREATE TABLE tallies (
    scan_id VARCHAR,
    shard_id VARCHAR,
    dataset VARCHAR,
    domain VARCHAR,
    year SMALLINT,
    language VARCHAR,
    sources MAP(VARCHAR, VARCHAR),
    documents BIGINT,
    bytes BIGINT,
    words BIGINT,
    hit_documents BIGINT,
    sampled_documents BIGINT,
    hit_words BIGINT,
    sampled_words BIGINT,
    hit_passages BIGINT,
    near_passages BIGINT,
    sampled_passages BIGINT,
    unscored_documents BIGINT
);

COMMENT ON TABLE tallies IS 'Exact counts of everything that was read, per shard and tuple of source keys: the denominators. Add them up as you like.';
COMMENT ON COLUMN tallies.scan_id IS 'of the scan';
COMMENT ON COLUMN tallies.shard_id IS 'of the shard';
COMMENT ON COLUMN tallies.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN tallies.domain IS 'registrable domain; empty if none';
COMMENT ON COLUMN tallies.year IS 'of the documents'' date';
COMMENT ON COLUMN tallies.language IS 'as the corpus gives it; empty if it does not';
COMMENT ON COLUMN tallies.sources IS 'the names in source_fields -> their values';
COMMENT ON COLUMN tallies.documents IS 'with text';
COMMENT ON COLUMN tallies.bytes IS 'of their text as UTF-8';
COMMENT ON COLUMN tallies.words IS 'runs of bytes that are not white space';
COMMENT ON COLUMN tallies.hit_documents IS 'that the gate hits';
COMMENT ON COLUMN tallies.sampled_documents IS 'of the rest, opened by the audit sample';
COMMENT ON COLUMN tallies.hit_words IS 'words in hit documents';
COMMENT ON COLUMN tallies.sampled_words IS 'words in sampled documents';
COMMENT ON COLUMN tallies.hit_passages IS 'passages with a gate term';
COMMENT ON COLUMN tallies.near_passages IS 'passages without one, in hit documents';
COMMENT ON COLUMN tallies.sampled_passages IS 'passages of sampled documents';
COMMENT ON COLUMN tallies.unscored_documents IS 'opened, in a language that the classifier does not know';
