CREATE TABLE tallies (
    "scan_id" VARCHAR,
    "shard_id" VARCHAR,
    "dataset" VARCHAR,
    "domain" VARCHAR,
    "year" SMALLINT,
    "language" VARCHAR,
    "sources" MAP(VARCHAR, VARCHAR),
    "documents" BIGINT,
    "bytes" BIGINT,
    "words" BIGINT,
    "hit_documents" BIGINT,
    "sampled_documents" BIGINT,
    "hit_words" BIGINT,
    "sampled_words" BIGINT,
    "hit_passages" BIGINT,
    "near_passages" BIGINT,
    "sampled_passages" BIGINT,
    "unscored_documents" BIGINT
);
COMMENT ON TABLE tallies IS 'Exact counts per tuple of source keys.';
COMMENT ON COLUMN tallies."scan_id" IS 'scan';
COMMENT ON COLUMN tallies."shard_id" IS 'shard';
COMMENT ON COLUMN tallies."dataset" IS 'corpus entry';
COMMENT ON COLUMN tallies."domain" IS 'registrable domain';
COMMENT ON COLUMN tallies."year" IS 'of the date';
COMMENT ON COLUMN tallies."language" IS 'as given; '''' if not';
COMMENT ON COLUMN tallies."sources" IS 'further source keys';
COMMENT ON COLUMN tallies."documents" IS 'with text';
COMMENT ON COLUMN tallies."bytes" IS 'of text';
COMMENT ON COLUMN tallies."words" IS 'of text';
COMMENT ON COLUMN tallies."hit_documents" IS 'opened by the gate';
COMMENT ON COLUMN tallies."sampled_documents" IS 'opened by the audit draw';
COMMENT ON COLUMN tallies."hit_words" IS 'in hit documents';
COMMENT ON COLUMN tallies."sampled_words" IS 'in sampled documents';
COMMENT ON COLUMN tallies."hit_passages" IS 'with a gate term';
COMMENT ON COLUMN tallies."near_passages" IS 'without one, in hit documents';
COMMENT ON COLUMN tallies."sampled_passages" IS 'in sampled documents';
COMMENT ON COLUMN tallies."unscored_documents" IS 'opened, in a language not known';
