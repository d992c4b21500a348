CREATE VIEW near_copy_groups AS
SELECT n.audit_id, n.near_group, n.group_contents, n.group_passages, p.domain, p.text
FROM near_copies AS n
LEFT JOIN audit_passages AS p ON p.audit_id = n.audit_id AND p.content = n.content AND p.drawn
WHERE n.content = n.near_group
QUALIFY row_number() OVER (PARTITION BY n.audit_id, n.near_group ORDER BY p.shard_id, p.passage_id) = 1;

COMMENT ON VIEW near_copy_groups IS 'Groups of near copies among an audit''s candidates: one row each, with one of its texts.';
COMMENT ON COLUMN near_copy_groups.audit_id IS 'of the audit';
COMMENT ON COLUMN near_copy_groups.near_group IS 'the smallest content of the group; joins near_copies';
COMMENT ON COLUMN near_copy_groups.group_contents IS 'contents in the group';
COMMENT ON COLUMN near_copy_groups.group_passages IS 'candidates in the group, exact copies counted';
COMMENT ON COLUMN near_copy_groups.domain IS 'of one of its passages';
COMMENT ON COLUMN near_copy_groups.text IS 'of one of its passages, as store.text allows';
