CREATE TABLE rejects (
    "scan_id" VARCHAR,
    "shard_id" VARCHAR,
    "place" VARCHAR,
    "fate" VARCHAR,
    "records" BIGINT,
    "reason" VARCHAR,
    "detail" VARCHAR
);
COMMENT ON TABLE rejects IS 'Records that are not documents, each with a reason.';
COMMENT ON COLUMN rejects."scan_id" IS 'scan';
COMMENT ON COLUMN rejects."shard_id" IS 'shard';
COMMENT ON COLUMN rejects."place" IS 'row, byte or record';
COMMENT ON COLUMN rejects."fate" IS 'rejected or failed';
COMMENT ON COLUMN rejects."records" IS 'how many: more than 1 where a block is lost';
COMMENT ON COLUMN rejects."reason" IS 'short code, the same for the same cause';
COMMENT ON COLUMN rejects."detail" IS 'one line for a person';
