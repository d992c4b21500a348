CREATE TABLE prevalence (
    audit_id VARCHAR,
    dimension VARCHAR,
    source VARCHAR,
    dimension_2 VARCHAR,
    source_2 VARCHAR,
    unit VARCHAR,
    basis VARCHAR,
    label VARCHAR,
    prevalence DOUBLE,
    ci_low DOUBLE,
    ci_high DOUBLE,
    bound VARCHAR,
    spread DOUBLE,
    n_scored BIGINT,
    n_labelled BIGINT,
    labelled_by VARCHAR,
    status VARCHAR,
    method VARCHAR
);

COMMENT ON TABLE prevalence IS 'What share of a source''s text has a label, with an interval where labels allow one.';
COMMENT ON COLUMN prevalence.audit_id IS 'of the audit';
COMMENT ON COLUMN prevalence.dimension IS 'corpus | dataset | domain | year | language | mode | kind | a name in source_fields';
COMMENT ON COLUMN prevalence.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN prevalence.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN prevalence.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN prevalence.unit IS 'passages | words | documents';
COMMENT ON COLUMN prevalence.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN prevalence.label IS 'which label';
COMMENT ON COLUMN prevalence.prevalence IS 'share of the unit''s total, over text that is scored';
COMMENT ON COLUMN prevalence.ci_low IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN prevalence.ci_high IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN prevalence.bound IS 'two: an interval | upper: only ci_high says something; null without an interval';
COMMENT ON COLUMN prevalence.spread IS 'of uncalibrated rows: relative half-width from sampling alone; the classifier''s error is not in it';
COMMENT ON COLUMN prevalence.n_scored IS 'distinct passages with a score';
COMMENT ON COLUMN prevalence.n_labelled IS 'of these, labelled';
COMMENT ON COLUMN prevalence.labelled_by IS 'who labelled';
COMMENT ON COLUMN prevalence.status IS 'calibrated: corrected by labels of its own | pooled: by labels of other sources | uncalibrated: not a measurement';
COMMENT ON COLUMN prevalence.method IS 'how, in words';
