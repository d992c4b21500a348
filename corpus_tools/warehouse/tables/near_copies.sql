CREATE TABLE near_copies (
    audit_id VARCHAR,
    content VARCHAR,
    near_group VARCHAR,
    similarity DOUBLE,
    group_contents BIGINT,
    group_passages BIGINT
);

COMMENT ON TABLE near_copies IS 'Candidates that are near copies of others: at least about 0.8 of their three-word shingles in common. Contents without a near copy are not in it. Estimates of basis distinct count exact copies once, and do not use it.';
COMMENT ON COLUMN near_copies.audit_id IS 'of the audit';
COMMENT ON COLUMN near_copies.content IS 'hash of the passage''s text; joins passages.content';
COMMENT ON COLUMN near_copies.near_group IS 'the smallest content of its group';
COMMENT ON COLUMN near_copies.similarity IS 'estimated share of shingles in common with the content that it is linked by';
COMMENT ON COLUMN near_copies.group_contents IS 'contents in the group';
COMMENT ON COLUMN near_copies.group_passages IS 'candidates in the group, exact copies counted';
