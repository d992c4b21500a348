INSERT INTO tallies BY NAME
SELECT
    scan_id, shard_id, dataset, domain, year, language, sources, documents, bytes, words, hit_documents, sampled_documents,
    hit_words, sampled_words, hit_passages, near_passages, sampled_passages, unscored_documents
FROM new_tallies
ORDER BY scan_id, shard_id, dataset, domain, year, language, sources::VARCHAR;
