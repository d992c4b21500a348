INSERT INTO documents BY NAME
SELECT
    scan_id, shard_id, document_id, given_id, content, url, dataset, domain, year, language, sources, stratum, open_probability,
    hit_passages, near_passages, sampled_passages, bytes, words, unscored, position
FROM new_documents
ORDER BY scan_id, shard_id, position, document_id;
