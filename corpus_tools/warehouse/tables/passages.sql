CREATE TABLE passages (
    "scan_id" VARCHAR,
    "shard_id" VARCHAR,
    "passage_id" VARCHAR,
    "document_id" VARCHAR,
    "start" BIGINT,
    "end" BIGINT,
    "content" VARCHAR,
    "document_content" VARCHAR,
    "dataset" VARCHAR,
    "domain" VARCHAR,
    "year" SMALLINT,
    "language" VARCHAR,
    "sources" MAP(VARCHAR, VARCHAR),
    "url" VARCHAR,
    "stratum" VARCHAR,
    "open_probability" DOUBLE,
    "screen_probability" DOUBLE,
    "inclusion_probability" DOUBLE,
    "drawn" BOOLEAN,
    "unscored" BOOLEAN,
    "n_words" INTEGER,
    "terms" VARCHAR[],
    "text" VARCHAR
);
COMMENT ON TABLE passages IS 'Every passage of an opened document, drawn or not.';
COMMENT ON COLUMN passages."scan_id" IS 'scan';
COMMENT ON COLUMN passages."shard_id" IS 'shard';
COMMENT ON COLUMN passages."passage_id" IS 'document_id and start';
COMMENT ON COLUMN passages."document_id" IS 'document';
COMMENT ON COLUMN passages."start" IS 'first character in the document';
COMMENT ON COLUMN passages."end" IS 'after its last character';
COMMENT ON COLUMN passages."content" IS 'xxh3 of the text: exact copies share it';
COMMENT ON COLUMN passages."document_content" IS 'xxh3 of the whole document';
COMMENT ON COLUMN passages."dataset" IS 'corpus entry';
COMMENT ON COLUMN passages."domain" IS 'registrable domain, '''' if none';
COMMENT ON COLUMN passages."year" IS 'of the date';
COMMENT ON COLUMN passages."language" IS 'given or detected';
COMMENT ON COLUMN passages."sources" IS 'further source keys';
COMMENT ON COLUMN passages."url" IS 'address of the document';
COMMENT ON COLUMN passages."stratum" IS 'hit, near or sampled';
COMMENT ON COLUMN passages."open_probability" IS 'that the document is opened';
COMMENT ON COLUMN passages."screen_probability" IS 'that the passage is drawn, its document being opened';
COMMENT ON COLUMN passages."inclusion_probability" IS 'product of the two; times shards.shard_probability where shards are sampled';
COMMENT ON COLUMN passages."drawn" IS 'a candidate: it was scored';
COMMENT ON COLUMN passages."unscored" IS 'in a language that the classifier does not know';
COMMENT ON COLUMN passages."n_words" IS 'words';
COMMENT ON COLUMN passages."terms" IS 'gate terms in it';
COMMENT ON COLUMN passages."text" IS 'of candidates, as far as `store.text` keeps it';
