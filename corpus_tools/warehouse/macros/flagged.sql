CREATE MACRO flagged(which) AS TABLE
SELECT passage_id, score, domain, year, terms, text
FROM flagged_passages SEMI JOIN latest_audit USING (audit_id)
WHERE domain = which OR dataset = which
ORDER BY score DESC, passage_id;
