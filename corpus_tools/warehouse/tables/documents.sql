CREATE TABLE documents (
    "scan_id" VARCHAR,
    "shard_id" VARCHAR,
    "document_id" VARCHAR,
    "given_id" VARCHAR,
    "content" VARCHAR,
    "url" VARCHAR,
    "dataset" VARCHAR,
    "domain" VARCHAR,
    "year" SMALLINT,
    "language" VARCHAR,
    "sources" MAP(VARCHAR, VARCHAR),
    "stratum" VARCHAR,
    "open_probability" DOUBLE,
    "hit_passages" INTEGER,
    "near_passages" INTEGER,
    "sampled_passages" INTEGER,
    "bytes" BIGINT,
    "words" BIGINT,
    "unscored" BOOLEAN,
    "position" BIGINT
);
COMMENT ON TABLE documents IS 'Opened documents: hit by the gate, or in the audit sample of the rest.';
COMMENT ON COLUMN documents."scan_id" IS 'scan';
COMMENT ON COLUMN documents."shard_id" IS 'shard';
COMMENT ON COLUMN documents."document_id" IS 'data set, address and position';
COMMENT ON COLUMN documents."given_id" IS 'the id that the corpus gives';
COMMENT ON COLUMN documents."content" IS 'xxh3 of the text: exact copies share it';
COMMENT ON COLUMN documents."url" IS 'address';
COMMENT ON COLUMN documents."dataset" IS 'corpus entry';
COMMENT ON COLUMN documents."domain" IS 'registrable domain, '''' if none';
COMMENT ON COLUMN documents."year" IS 'of the date';
COMMENT ON COLUMN documents."language" IS 'given or detected';
COMMENT ON COLUMN documents."sources" IS 'further source keys';
COMMENT ON COLUMN documents."stratum" IS 'hit or sampled';
COMMENT ON COLUMN documents."open_probability" IS '1 if hit, else the audit fraction';
COMMENT ON COLUMN documents."hit_passages" IS 'with a gate term';
COMMENT ON COLUMN documents."near_passages" IS 'without one, in a hit document';
COMMENT ON COLUMN documents."sampled_passages" IS 'in a sampled document';
COMMENT ON COLUMN documents."bytes" IS 'of text';
COMMENT ON COLUMN documents."words" IS 'of text';
COMMENT ON COLUMN documents."unscored" IS 'in a language that the classifier does not know';
COMMENT ON COLUMN documents."position" IS 'row, byte or record offset';
