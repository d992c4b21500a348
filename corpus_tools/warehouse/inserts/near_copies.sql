INSERT INTO near_copies BY NAME
SELECT audit_id, content, near_group, similarity, group_contents, group_passages
FROM new_near_copies
ORDER BY audit_id, near_group, content;
