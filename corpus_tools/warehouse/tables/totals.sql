CREATE TABLE totals (
    "audit_id" VARCHAR,
    "dimension" VARCHAR,
    "source" VARCHAR,
    "dimension_2" VARCHAR,
    "source_2" VARCHAR,
    "unit" VARCHAR,
    "basis" VARCHAR,
    "total" DOUBLE,
    "low" DOUBLE,
    "high" DOUBLE,
    "unscored_share" DOUBLE
);
COMMENT ON TABLE totals IS 'How much text there is: denominators.';
COMMENT ON COLUMN totals."audit_id" IS 'audit';
COMMENT ON COLUMN totals."dimension" IS 'corpus, dataset, domain, year, language, mode, kind, or a source field';
COMMENT ON COLUMN totals."source" IS 'value of the dimension; ''all'' for the corpus';
COMMENT ON COLUMN totals."dimension_2" IS 'second dimension; '''' if not crossed';
COMMENT ON COLUMN totals."source_2" IS 'its value';
COMMENT ON COLUMN totals."unit" IS 'passages, words or documents';
COMMENT ON COLUMN totals."basis" IS 'exposure (copies count) or distinct (exact copies once)';
COMMENT ON COLUMN totals."total" IS 'count, or estimate of it';
COMMENT ON COLUMN totals."low" IS '95 % interval; equal to total where it is a count';
COMMENT ON COLUMN totals."high" IS '95 % interval';
COMMENT ON COLUMN totals."unscored_share" IS 'of the opened text, in languages that are not scored';
