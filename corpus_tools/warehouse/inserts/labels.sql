INSERT INTO labels BY NAME
WITH given AS (
    SELECT round, content, passage_id, sha256, cell, probability, unnest(labels) AS one
    FROM new_labels
)
SELECT
    g.round, r.role, g.content, g.passage_id, g.sha256, g.cell, g.probability,
    g.one.annotator AS annotator, g.one.label AS label, g.one.value AS value
FROM given AS g
LEFT JOIN rounds AS r USING (round)
ORDER BY g.round, g.content, annotator, label;
