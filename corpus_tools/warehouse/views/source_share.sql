CREATE VIEW source_share AS
SELECT
    m.audit_id, a.name, m.dimension, m.source, m.dimension_2, m.source_2, m.unit, m.basis, m.label,
    any_value(value) FILTER (measure = 'count') AS positives,
    any_value(low) FILTER (measure = 'count') AS positives_low,
    any_value(high) FILTER (measure = 'count') AS positives_high,
    any_value(value) FILTER (measure = 'share') AS share,
    any_value(low) FILTER (measure = 'share') AS low,
    any_value(high) FILTER (measure = 'share') AS high,
    any_value(value) FILTER (measure = 'exposure_share') AS exposure_share,
    any_value(low) FILTER (measure = 'exposure_share') AS exposure_share_low,
    any_value(high) FILTER (measure = 'exposure_share') AS exposure_share_high,
    any_value(value) FILTER (measure = 'lift') AS lift,
    any_value(low) FILTER (measure = 'lift') AS lift_low,
    any_value(high) FILTER (measure = 'lift') AS lift_high,
    any_value(value) FILTER (measure = 'rank') AS rank,
    any_value(low) FILTER (measure = 'rank') AS rank_low,
    any_value(high) FILTER (measure = 'rank') AS rank_high,
    any_value(q_value) FILTER (measure = 'lift') AS q_value,
    any_value(status) FILTER (measure = 'share') AS status,
    a.shards
FROM measures AS m
INNER JOIN latest_audits AS a USING (audit_id)
WHERE m.measure IN ('count', 'share', 'exposure_share', 'lift', 'rank')
GROUP BY m.audit_id, a.name, m.dimension, m.source, m.dimension_2, m.source_2, m.unit, m.basis, m.label, a.shards;

COMMENT ON VIEW source_share IS 'Which sources supply a label: how many positives each has, which share of all, how its prevalence compares. Latest audit of each name.';
COMMENT ON COLUMN source_share.audit_id IS 'of the audit';
COMMENT ON COLUMN source_share.name IS 'of the audit, from the configuration';
COMMENT ON COLUMN source_share.dimension IS 'what the rows are broken down by';
COMMENT ON COLUMN source_share.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN source_share.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN source_share.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN source_share.unit IS 'passages | words | documents';
COMMENT ON COLUMN source_share.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN source_share.label IS 'which label';
COMMENT ON COLUMN source_share.positives IS 'estimated passages, words or documents with the label';
COMMENT ON COLUMN source_share.positives_low IS 'low end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.positives_high IS 'high end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.share IS 'part of all positives of the corpus that this source supplies';
COMMENT ON COLUMN source_share.low IS 'low end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.high IS 'high end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.exposure_share IS 'the same, with each data set counted as often as the training mixture repeats it';
COMMENT ON COLUMN source_share.exposure_share_low IS 'low end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.exposure_share_high IS 'high end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.lift IS 'its prevalence over the corpus''s';
COMMENT ON COLUMN source_share.lift_low IS 'low end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.lift_high IS 'high end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.rank IS 'place by prevalence, 1 the highest';
COMMENT ON COLUMN source_share.rank_low IS 'low end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.rank_high IS 'high end of the 95 % interval; null where uncalibrated';
COMMENT ON COLUMN source_share.q_value IS 'of the test that the lift is above 1, corrected for the number of sources';
COMMENT ON COLUMN source_share.status IS 'calibrated | pooled | uncalibrated';
COMMENT ON COLUMN source_share.shards IS 'shards of the audit that were read, of those there are: ''5 of 40''';
