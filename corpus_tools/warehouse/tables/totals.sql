CREATE TABLE totals (
    audit_id VARCHAR,
    dimension VARCHAR,
    source VARCHAR,
    dimension_2 VARCHAR,
    source_2 VARCHAR,
    unit VARCHAR,
    basis VARCHAR,
    total DOUBLE,
    low DOUBLE,
    high DOUBLE,
    unscored_share DOUBLE
);

COMMENT ON TABLE totals IS 'How much text there is, per source: a count, or an estimate with an interval.';
COMMENT ON COLUMN totals.audit_id IS 'of the audit';
COMMENT ON COLUMN totals.dimension IS 'corpus | dataset | domain | year | language | mode | kind | a name in source_fields';
COMMENT ON COLUMN totals.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN totals.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN totals.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN totals.unit IS 'passages | words | documents';
COMMENT ON COLUMN totals.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN totals.total IS 'passages, words or documents';
COMMENT ON COLUMN totals.low IS 'of a 95 % interval; equal to total where it is a count';
COMMENT ON COLUMN totals.high IS 'of a 95 % interval; equal to total where it is a count';
COMMENT ON COLUMN totals.unscored_share IS 'of the opened text, the share in languages that are not scored: unknown, not negative';
