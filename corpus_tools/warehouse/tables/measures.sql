CREATE TABLE measures (
    "audit_id" VARCHAR,
    "dimension" VARCHAR,
    "source" VARCHAR,
    "dimension_2" VARCHAR,
    "source_2" VARCHAR,
    "unit" VARCHAR,
    "basis" VARCHAR,
    "label" VARCHAR,
    "measure" VARCHAR,
    "against" VARCHAR,
    "value" DOUBLE,
    "low" DOUBLE,
    "high" DOUBLE,
    "q_value" DOUBLE,
    "status" VARCHAR,
    "method" VARCHAR
);
COMMENT ON TABLE measures IS 'Everything else estimated: counts, shares, lifts, ranks, recall, balance, outcomes …';
COMMENT ON COLUMN measures."audit_id" IS 'audit';
COMMENT ON COLUMN measures."dimension" IS 'corpus, dataset, domain, year, language, mode, kind, or a source field';
COMMENT ON COLUMN measures."source" IS 'value of the dimension; ''all'' for the corpus';
COMMENT ON COLUMN measures."dimension_2" IS 'second dimension; '''' if not crossed';
COMMENT ON COLUMN measures."source_2" IS 'its value';
COMMENT ON COLUMN measures."unit" IS 'passages, words or documents';
COMMENT ON COLUMN measures."basis" IS 'exposure (copies count) or distinct (exact copies once)';
COMMENT ON COLUMN measures."label" IS 'label';
COMMENT ON COLUMN measures."measure" IS 'count, share, exposure_share, lift, rank, shrunk, seen, missed, recall, balance, outcome, difference, concentration';
COMMENT ON COLUMN measures."against" IS 'another label or audit; '''' if none';
COMMENT ON COLUMN measures."value" IS 'estimate';
COMMENT ON COLUMN measures."low" IS '95 % interval';
COMMENT ON COLUMN measures."high" IS '95 % interval';
COMMENT ON COLUMN measures."q_value" IS 'Benjamini-Hochberg, where many sources are tested';
COMMENT ON COLUMN measures."status" IS 'calibrated, pooled or uncalibrated';
COMMENT ON COLUMN measures."method" IS 'how';
