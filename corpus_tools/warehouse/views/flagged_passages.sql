CREATE VIEW flagged_passages AS
WITH hits AS MATERIALIZED (  -- before the join with passages, or every score of every label goes through it
    SELECT a.audit_id, a.name, a.headline AS label, s.scan_id, s.shard_id, s.passage_id, s.score
    FROM audits AS a
    INNER JOIN label_scores AS s
        ON s.classifier_id = a.classifier_id AND s.scan_id = a.scan_id AND s.label = a.headline AND s.score >= CAST(a.threshold AS FLOAT)
)
SELECT
    h.audit_id, h.name, h.label, h.score, p.passage_id, p.document_id, p.start, p."end", p.content, p.dataset, p.domain, p.year, p.language,
    p.sources, p.url, p.stratum, p.weight, p.n_words, p.terms, p.text, p.scan_id, p.shard_id
FROM hits AS h
INNER JOIN audit_passages AS p USING (audit_id, scan_id, shard_id, passage_id);

COMMENT ON VIEW flagged_passages IS 'Scored passages whose score of the audit''s headline label reaches its threshold, of every audit: filter by audit_id, or join latest_audits. For reading and export; no estimate uses it.';
COMMENT ON COLUMN flagged_passages.audit_id IS 'of the audit';
COMMENT ON COLUMN flagged_passages.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN flagged_passages.label IS 'the audit''s headline';
COMMENT ON COLUMN flagged_passages.score IS 'calibrated probability of that label';
COMMENT ON COLUMN flagged_passages.passage_id IS 'document_id:start';
COMMENT ON COLUMN flagged_passages.document_id IS 'of its document';
COMMENT ON COLUMN flagged_passages.start IS 'first character in the document''s text';
COMMENT ON COLUMN flagged_passages."end" IS 'one past its last character';
COMMENT ON COLUMN flagged_passages.content IS 'hash of the text: exact copies share it';
COMMENT ON COLUMN flagged_passages.dataset IS 'name of the corpus entry';
COMMENT ON COLUMN flagged_passages.domain IS 'registrable domain of the document''s url';
COMMENT ON COLUMN flagged_passages.year IS 'of the document''s date';
COMMENT ON COLUMN flagged_passages.language IS 'of the document';
COMMENT ON COLUMN flagged_passages.sources IS 'the names in source_fields -> their values';
COMMENT ON COLUMN flagged_passages.url IS 'address of the document';
COMMENT ON COLUMN flagged_passages.stratum IS 'hit | near | sampled';
COMMENT ON COLUMN flagged_passages.weight IS 'passages of the corpus that this one stands for';
COMMENT ON COLUMN flagged_passages.n_words IS 'runs of bytes that are not white space';
COMMENT ON COLUMN flagged_passages.terms IS 'gate terms in it';
COMMENT ON COLUMN flagged_passages.text IS 'as store.text allows';
COMMENT ON COLUMN flagged_passages.scan_id IS 'of the scan';
COMMENT ON COLUMN flagged_passages.shard_id IS 'of the shard';
