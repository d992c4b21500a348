CREATE VIEW repeated_ids AS
SELECT scan_id, dataset, given_id, count(*) AS documents, count(DISTINCT content) AS texts
FROM documents
WHERE given_id <> ''
GROUP BY ALL
HAVING count(*) > 1;

COMMENT ON VIEW repeated_ids IS 'Ids that the corpus gives to several opened documents; each is kept: document_id is the position.';
COMMENT ON COLUMN repeated_ids.scan_id IS 'of the scan';
COMMENT ON COLUMN repeated_ids.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN repeated_ids.given_id IS 'the id that the corpus gives';
COMMENT ON COLUMN repeated_ids.documents IS 'opened documents with that id';
COMMENT ON COLUMN repeated_ids.texts IS 'distinct texts among them';
