CREATE VIEW flagged_passages AS
SELECT a.audit_id, a.headline AS label, s.score, p.* EXCLUDE (scan_id, shard_id), p.shard_id
FROM audits a
JOIN (UNPIVOT scores ON COLUMNS(* EXCLUDE (classifier_id, scan_id, passage_id, content)) INTO NAME label VALUE score) s
  ON s.classifier_id = a.classifier_id AND s.scan_id = a.scan_id AND s.label = a.headline AND s.score >= a.threshold
JOIN passages p ON p.passage_id = s.passage_id AND p.scan_id = a.scan_id
JOIN shards h ON h.audit_id = a.audit_id AND h.shard_id = p.shard_id;
COMMENT ON VIEW flagged_passages IS 'Candidates whose score of the audit''s headline label reaches its threshold. For reading; no estimate uses it.';
