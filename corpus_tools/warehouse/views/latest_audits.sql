CREATE VIEW latest_audits AS
SELECT a.audit_id, a.name, a.scan_id, a.classifier_id, a.headline, a.threshold, max(r.finished) AS finished,
    a.shards
FROM audits AS a
LEFT JOIN runs AS r USING (audit_id)
GROUP BY a.audit_id, a.name, a.scan_id, a.classifier_id, a.headline, a.threshold, a.shards
QUALIFY row_number() OVER (PARTITION BY a.name ORDER BY max(r.finished) DESC NULLS LAST, a.audit_id DESC) = 1;

COMMENT ON VIEW latest_audits IS 'The latest audit of each name: the one whose last run finished last. Views of prevalence and measures show these; prevalence_trend and the views of passages show every audit.';
COMMENT ON COLUMN latest_audits.audit_id IS 'of the audit';
COMMENT ON COLUMN latest_audits.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN latest_audits.scan_id IS 'hash of what decides which passages are kept';
COMMENT ON COLUMN latest_audits.classifier_id IS 'hash of weights, encoder, engine and precision';
COMMENT ON COLUMN latest_audits.headline IS 'the label that the audit is about';
COMMENT ON COLUMN latest_audits.threshold IS 'score from which a passage is flagged';
COMMENT ON COLUMN latest_audits.finished IS 'when its last run finished, UTC';
COMMENT ON COLUMN latest_audits.shards IS 'shards that were read, of those there are: ''5 of 40''';
