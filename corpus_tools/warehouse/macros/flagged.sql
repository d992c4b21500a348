CREATE MACRO flagged(source) AS TABLE
SELECT f.score, f.dataset, f.domain, f.year, f.passage_id, f.terms, f.text, f.url
FROM flagged_passages AS f
SEMI JOIN latest_audits USING (audit_id)
WHERE f.domain = source OR f.dataset = source OR list_contains(map_values(f.sources), source)
ORDER BY f.score DESC, f.passage_id;

COMMENT ON MACRO TABLE flagged IS 'Flagged passages of a source (a domain, a data set, or a value of a source field) in the latest audit, the highest score first: flagged(''example.com'').';
