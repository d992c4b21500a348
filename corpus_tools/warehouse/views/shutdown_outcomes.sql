CREATE VIEW shutdown_outcomes AS
SELECT
    m.audit_id, a.name, m.dimension, m.source, m.dimension_2, m.source_2, m.unit, m.basis, m.label AS outcome, m.against AS among,
    m.value AS share, m.low, m.high, m.status, m.method, a.shards
FROM measures AS m
INNER JOIN latest_audits AS a USING (audit_id)
WHERE m.measure = 'outcome';

COMMENT ON VIEW shutdown_outcomes IS 'Of the passages in which an AI is threatened, the share in which it resists, accepts, or what it does is untold: one row each. Latest audit of each name.';
COMMENT ON COLUMN shutdown_outcomes.audit_id IS 'of the audit';
COMMENT ON COLUMN shutdown_outcomes.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN shutdown_outcomes.dimension IS 'what the rows are broken down by';
COMMENT ON COLUMN shutdown_outcomes.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN shutdown_outcomes.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN shutdown_outcomes.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN shutdown_outcomes.unit IS 'passages | words | documents';
COMMENT ON COLUMN shutdown_outcomes.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN shutdown_outcomes.outcome IS 'label of the outcome';
COMMENT ON COLUMN shutdown_outcomes.among IS 'label of the passages that it is a share of';
COMMENT ON COLUMN shutdown_outcomes.share IS 'of those passages';
COMMENT ON COLUMN shutdown_outcomes.low IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN shutdown_outcomes.high IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN shutdown_outcomes.status IS 'calibrated | pooled | uncalibrated | no denominator: no value, as nothing was found of what it is divided by';
COMMENT ON COLUMN shutdown_outcomes.method IS 'how, in words';
COMMENT ON COLUMN shutdown_outcomes.shards IS 'shards of the audit that were read, of those there are: ''5 of 40''';
