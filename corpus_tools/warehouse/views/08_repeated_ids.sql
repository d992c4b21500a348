CREATE VIEW repeated_ids AS
SELECT scan_id, dataset, given_id, count(*) AS documents, count(DISTINCT content) AS texts
FROM documents
WHERE given_id IS NOT NULL AND given_id <> ''
GROUP BY ALL
HAVING count(*) > 1;
COMMENT ON VIEW repeated_ids IS 'Ids that the corpus gives to several opened documents; each is kept: document_id is the position.';
