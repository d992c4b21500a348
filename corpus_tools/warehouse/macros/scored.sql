CREATE MACRO scored(audit_id, label, least := 0.5) AS TABLE
SELECT s.score, p.*
FROM audits AS a
INNER JOIN label_scores AS s ON s.classifier_id = a.classifier_id AND s.scan_id = a.scan_id
INNER JOIN audit_passages AS p
    ON p.audit_id = a.audit_id AND p.scan_id = s.scan_id AND p.shard_id = s.shard_id AND p.passage_id = s.passage_id
WHERE a.audit_id = audit_id AND s.label = label AND s.score >= CAST(least AS FLOAT)
ORDER BY s.score DESC, p.passage_id;

COMMENT ON MACRO TABLE scored IS 'Passages of an audit whose score of any label is at least so much, the highest first: scored(''audit'', ''label'', least := 0.8).';
