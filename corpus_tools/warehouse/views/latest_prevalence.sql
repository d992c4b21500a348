CREATE VIEW latest_prevalence AS
SELECT
    p.audit_id, a.name, p.dimension, p.source, p.dimension_2, p.source_2, p.unit, p.basis, p.label, p.prevalence, p.ci_low, p.ci_high,
    p.bound, p.spread, p.n_scored, p.n_labelled, p.labelled_by, p.status, p.method, t.total, t.unscored_share, a.shards
FROM prevalence AS p
INNER JOIN latest_audits AS a USING (audit_id)
LEFT JOIN totals AS t USING (audit_id, dimension, source, dimension_2, source_2, unit, basis);

COMMENT ON VIEW latest_prevalence IS 'Prevalence with its interval and the text it is a share of, of the latest audit of each name.';
COMMENT ON COLUMN latest_prevalence.audit_id IS 'of the audit';
COMMENT ON COLUMN latest_prevalence.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN latest_prevalence.dimension IS 'what the rows are broken down by';
COMMENT ON COLUMN latest_prevalence.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN latest_prevalence.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN latest_prevalence.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN latest_prevalence.unit IS 'passages | words | documents';
COMMENT ON COLUMN latest_prevalence.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN latest_prevalence.label IS 'which label';
COMMENT ON COLUMN latest_prevalence.prevalence IS 'share of the unit''s total, over text that is scored';
COMMENT ON COLUMN latest_prevalence.ci_low IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN latest_prevalence.ci_high IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN latest_prevalence.bound IS 'two: an interval | upper: only ci_high says something; null without an interval';
COMMENT ON COLUMN latest_prevalence.spread IS 'of uncalibrated rows: relative half-width from sampling alone';
COMMENT ON COLUMN latest_prevalence.n_scored IS 'distinct passages with a score';
COMMENT ON COLUMN latest_prevalence.n_labelled IS 'of these, labelled';
COMMENT ON COLUMN latest_prevalence.labelled_by IS 'who labelled';
COMMENT ON COLUMN latest_prevalence.status IS 'calibrated: corrected by labels of its own | pooled: by labels of other sources | uncalibrated: not a measurement';
COMMENT ON COLUMN latest_prevalence.method IS 'how, in words';
COMMENT ON COLUMN latest_prevalence.total IS 'passages, words or documents of the source';
COMMENT ON COLUMN latest_prevalence.unscored_share IS 'of the opened text, the share in languages that are not scored';
COMMENT ON COLUMN latest_prevalence.shards IS 'shards of the audit that were read, of those there are: ''5 of 40''';
