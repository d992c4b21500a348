CREATE VIEW prevalence_trend AS
SELECT
    a.name, r.finished, a.audit_id, a.scan_id, a.classifier_id, p.dimension, p.source, p.dimension_2, p.source_2, p.unit, p.basis, p.label,
    p.prevalence, p.ci_low, p.ci_high, p.bound, p.status, t.total, a.shards
FROM prevalence AS p
INNER JOIN audits AS a USING (audit_id)
LEFT JOIN (SELECT audit_id, max(finished) AS finished FROM runs GROUP BY audit_id) AS r USING (audit_id)
LEFT JOIN totals AS t USING (audit_id, dimension, source, dimension_2, source_2, unit, basis);

COMMENT ON VIEW prevalence_trend IS 'Prevalence in every audit, with the time of its last run: how a corpus that grows, or a new classifier, moves it.';
COMMENT ON COLUMN prevalence_trend.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN prevalence_trend.finished IS 'when its last run finished, UTC';
COMMENT ON COLUMN prevalence_trend.audit_id IS 'of the audit';
COMMENT ON COLUMN prevalence_trend.scan_id IS 'hash of what decides which passages are kept';
COMMENT ON COLUMN prevalence_trend.classifier_id IS 'hash of weights, encoder, engine and precision';
COMMENT ON COLUMN prevalence_trend.dimension IS 'what the rows are broken down by';
COMMENT ON COLUMN prevalence_trend.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN prevalence_trend.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN prevalence_trend.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN prevalence_trend.unit IS 'passages | words | documents';
COMMENT ON COLUMN prevalence_trend.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN prevalence_trend.label IS 'which label';
COMMENT ON COLUMN prevalence_trend.prevalence IS 'share of the unit''s total, over text that is scored';
COMMENT ON COLUMN prevalence_trend.ci_low IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN prevalence_trend.ci_high IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN prevalence_trend.bound IS 'two: an interval | upper: only ci_high says something';
COMMENT ON COLUMN prevalence_trend.status IS 'calibrated | pooled | uncalibrated';
COMMENT ON COLUMN prevalence_trend.total IS 'passages, words or documents of the source in that audit';
COMMENT ON COLUMN prevalence_trend.shards IS 'shards of the audit that were read, of those there are: ''5 of 40''';
