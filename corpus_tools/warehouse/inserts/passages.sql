INSERT INTO passages BY NAME
SELECT
    p.scan_id, p.shard_id, p.passage_id, p.document_id, p.start, p."end", p.content, d.content AS document_content,
    d.dataset, d.domain, d.year, d.language, d.sources, d.url, p.stratum, d.open_probability, p.screen_probability,
    d.open_probability * p.screen_probability AS inclusion_probability, p.drawn, d.unscored, p.n_words, p.terms, p.text
FROM new_passages AS p
LEFT JOIN new_documents AS d USING (scan_id, shard_id, document_id)
ORDER BY p.scan_id, p.shard_id, p.file_row_number;
