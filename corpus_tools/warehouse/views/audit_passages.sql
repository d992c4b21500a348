CREATE VIEW audit_passages AS
SELECT
    s.audit_id, p.scan_id, p.shard_id, p.passage_id, p.document_id, p.start, p."end", p.content, p.document_content, p.dataset, p.domain,
    p.year, p.language, p.sources, p.url, p.stratum, s.shard_probability, p.open_probability, p.screen_probability,
    CASE WHEN p.drawn THEN 1 / nullif(s.shard_probability * p.inclusion_probability, 0) END AS weight,
    p.drawn, p.unscored, p.n_words, p.terms, p.text
FROM passages AS p
INNER JOIN shards AS s USING (scan_id, shard_id);

COMMENT ON VIEW audit_passages IS 'Passages by audit: one row per audit that has the passage, with the probability of everything that led to it.';
COMMENT ON COLUMN audit_passages.audit_id IS 'of the audit';
COMMENT ON COLUMN audit_passages.scan_id IS 'of the scan';
COMMENT ON COLUMN audit_passages.shard_id IS 'of the shard';
COMMENT ON COLUMN audit_passages.passage_id IS 'document_id:start';
COMMENT ON COLUMN audit_passages.document_id IS 'of its document';
COMMENT ON COLUMN audit_passages.start IS 'first character in the document''s text';
COMMENT ON COLUMN audit_passages."end" IS 'one past its last character';
COMMENT ON COLUMN audit_passages.content IS 'hash of the text: exact copies share it';
COMMENT ON COLUMN audit_passages.document_content IS 'hash of the whole document''s text';
COMMENT ON COLUMN audit_passages.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN audit_passages.domain IS 'registrable domain of the document''s url';
COMMENT ON COLUMN audit_passages.year IS 'of the document''s date';
COMMENT ON COLUMN audit_passages.language IS 'of the document';
COMMENT ON COLUMN audit_passages.sources IS 'the names in source_fields -> their values';
COMMENT ON COLUMN audit_passages.url IS 'address of the document';
COMMENT ON COLUMN audit_passages.stratum IS 'hit | near | sampled';
COMMENT ON COLUMN audit_passages.shard_probability IS 'of its shard being in the audit';
COMMENT ON COLUMN audit_passages.open_probability IS 'of its document being opened';
COMMENT ON COLUMN audit_passages.screen_probability IS 'of being drawn for scoring, given that its document is opened';
COMMENT ON COLUMN audit_passages.weight IS 'passages of the corpus that this one stands for: 1 / the product of the three; null if it was not drawn';
COMMENT ON COLUMN audit_passages.drawn IS 'true: a candidate';
COMMENT ON COLUMN audit_passages.unscored IS 'its language is unknown to the classifier';
COMMENT ON COLUMN audit_passages.n_words IS 'runs of bytes that are not white space';
COMMENT ON COLUMN audit_passages.terms IS 'gate terms in it';
COMMENT ON COLUMN audit_passages.text IS 'of candidates only, as store.text allows';
