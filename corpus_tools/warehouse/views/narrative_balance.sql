CREATE VIEW narrative_balance AS
SELECT
    m.audit_id, a.name, m.dimension, m.source, m.dimension_2, m.source_2, m.unit, m.basis, m.label, m.against, m.value AS balance,
    m.low, m.high, p.prevalence AS label_prevalence, q.prevalence AS against_prevalence, m.status, m.method, a.shards
FROM measures AS m
INNER JOIN latest_audits AS a USING (audit_id)
LEFT JOIN prevalence AS p USING (audit_id, dimension, source, dimension_2, source_2, unit, basis, label)
LEFT JOIN prevalence AS q
    ON q.audit_id = m.audit_id AND q.dimension = m.dimension AND q.source = m.source AND q.dimension_2 = m.dimension_2
    AND q.source_2 = m.source_2 AND q.unit = m.unit AND q.basis = m.basis AND q.label = m.against
WHERE m.measure = 'balance';

COMMENT ON VIEW narrative_balance IS 'How many passages of one label there are for each of another, per source. Latest audit of each name.';
COMMENT ON COLUMN narrative_balance.audit_id IS 'of the audit';
COMMENT ON COLUMN narrative_balance.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN narrative_balance.dimension IS 'what the rows are broken down by';
COMMENT ON COLUMN narrative_balance.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN narrative_balance.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN narrative_balance.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN narrative_balance.unit IS 'passages | words | documents';
COMMENT ON COLUMN narrative_balance.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN narrative_balance.label IS 'which label';
COMMENT ON COLUMN narrative_balance.against IS 'the label it is measured against';
COMMENT ON COLUMN narrative_balance.balance IS 'passages of label for each passage of against';
COMMENT ON COLUMN narrative_balance.low IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN narrative_balance.high IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN narrative_balance.label_prevalence IS 'prevalence of label';
COMMENT ON COLUMN narrative_balance.against_prevalence IS 'prevalence of against';
COMMENT ON COLUMN narrative_balance.status IS 'calibrated | pooled | uncalibrated | no denominator: no value, as nothing was found of what it is divided by';
COMMENT ON COLUMN narrative_balance.method IS 'how, in words';
COMMENT ON COLUMN narrative_balance.shards IS 'shards of the audit that were read, of those there are: ''5 of 40''';
