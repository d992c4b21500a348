CREATE TABLE measures (
    audit_id VARCHAR,
    dimension VARCHAR,
    source VARCHAR,
    dimension_2 VARCHAR,
    source_2 VARCHAR,
    unit VARCHAR,
    basis VARCHAR,
    label VARCHAR,
    measure VARCHAR,
    against VARCHAR,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    q_value DOUBLE,
    status VARCHAR,
    method VARCHAR
);

COMMENT ON TABLE measures IS 'What follows from the counts: shares, lifts, ranks, balances, outcomes, and how much the gate misses.';
COMMENT ON COLUMN measures.audit_id IS 'of the audit';
COMMENT ON COLUMN measures.dimension IS 'corpus | dataset | domain | year | language | mode | kind | a name in source_fields';
COMMENT ON COLUMN measures.source IS 'a value of the dimension; all for the corpus';
COMMENT ON COLUMN measures.dimension_2 IS 'a second dimension; empty if not crossed';
COMMENT ON COLUMN measures.source_2 IS 'a value of the second dimension; empty if not crossed';
COMMENT ON COLUMN measures.unit IS 'passages | words | documents';
COMMENT ON COLUMN measures.basis IS 'exposure: copies count | distinct: exact copies once';
COMMENT ON COLUMN measures.label IS 'which label';
COMMENT ON COLUMN measures.measure IS 'count | share | exposure_share | lift | rank | shrunk | seen | missed | label_error | recall | balance | outcome | difference | concentration';
COMMENT ON COLUMN measures.against IS 'what it is measured against: another label, an earlier audit, how many sources; empty if nothing';
COMMENT ON COLUMN measures.value IS 'the figure';
COMMENT ON COLUMN measures.low IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN measures.high IS 'of a 95 % interval; null where uncalibrated';
COMMENT ON COLUMN measures.q_value IS 'of the test, corrected for the number of sources tested (Benjamini-Hochberg)';
COMMENT ON COLUMN measures.status IS 'calibrated | pooled | uncalibrated | no denominator: no value, as nothing was found of what it is divided by';
COMMENT ON COLUMN measures.method IS 'how, in words';
