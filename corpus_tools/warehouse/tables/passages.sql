CREATE TABLE passages (
    scan_id VARCHAR,
    shard_id VARCHAR,
    passage_id VARCHAR,
    document_id VARCHAR,
    start BIGINT,
    "end" BIGINT,
    content VARCHAR,
    document_content VARCHAR,
    dataset VARCHAR,
    domain VARCHAR,
    year SMALLINT,
    language VARCHAR,
    sources MAP(VARCHAR, VARCHAR),
    url VARCHAR,
    stratum VARCHAR,
    open_probability DOUBLE,
    screen_probability DOUBLE,
    inclusion_probability DOUBLE,
    drawn BOOLEAN,
    unscored BOOLEAN,
    n_words INTEGER,
    terms VARCHAR[],
    text VARCHAR
);

COMMENT ON TABLE passages IS 'One row per passage of an opened document, drawn for scoring or not. Loaded once per scan and shard; the view audit_passages says which audit has it.';
COMMENT ON COLUMN passages.scan_id IS 'of the scan';
COMMENT ON COLUMN passages.shard_id IS 'of the shard';
COMMENT ON COLUMN passages.passage_id IS 'document_id:start';
COMMENT ON COLUMN passages.document_id IS 'of its document';
COMMENT ON COLUMN passages.start IS 'first character in the document''s text';
COMMENT ON COLUMN passages."end" IS 'one past its last character; write p.end or "end"';
COMMENT ON COLUMN passages.content IS 'hash of the text: exact copies share it, and with it a score and a label';
COMMENT ON COLUMN passages.document_content IS 'hash of the whole document''s text';
COMMENT ON COLUMN passages.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN passages.domain IS 'registrable domain of the document''s url; empty if none';
COMMENT ON COLUMN passages.year IS 'of the document''s date';
COMMENT ON COLUMN passages.language IS 'of the document; empty if unknown';
COMMENT ON COLUMN passages.sources IS 'the names in source_fields -> their values';
COMMENT ON COLUMN passages.url IS 'address of the document';
COMMENT ON COLUMN passages.stratum IS 'hit: a term in it | near: none, in a hit document | sampled: in a sampled document';
COMMENT ON COLUMN passages.open_probability IS 'of its document being opened';
COMMENT ON COLUMN passages.screen_probability IS 'of being drawn for scoring, given that its document is opened';
COMMENT ON COLUMN passages.inclusion_probability IS 'open_probability x screen_probability: given that its shard is read; the view audit_passages adds the shard''s';
COMMENT ON COLUMN passages.drawn IS 'true: a candidate, and scored unless its language is unknown to the classifier';
COMMENT ON COLUMN passages.unscored IS 'of its document';
COMMENT ON COLUMN passages.n_words IS 'runs of bytes that are not white space';
COMMENT ON COLUMN passages.terms IS 'gate terms in it, each once';
COMMENT ON COLUMN passages.text IS 'of candidates only, as `store.text` allows';
