CREATE TABLE prevalence (
    "audit_id" VARCHAR,
    "dimension" VARCHAR,
    "source" VARCHAR,
    "dimension_2" VARCHAR,
    "source_2" VARCHAR,
    "unit" VARCHAR,
    "basis" VARCHAR,
    "label" VARCHAR,
    "prevalence" DOUBLE,
    "ci_low" DOUBLE,
    "ci_high" DOUBLE,
    "bound" VARCHAR,
    "spread" DOUBLE,
    "n_scored" BIGINT,
    "n_labelled" BIGINT,
    "labelled_by" VARCHAR,
    "status" VARCHAR,
    "method" VARCHAR
);
COMMENT ON TABLE prevalence IS 'Share of each label per source, with interval and status.';
COMMENT ON COLUMN prevalence."audit_id" IS 'audit';
COMMENT ON COLUMN prevalence."dimension" IS 'corpus, dataset, domain, year, language, mode, kind, or a source field';
COMMENT ON COLUMN prevalence."source" IS 'value of the dimension; ''all'' for the corpus';
COMMENT ON COLUMN prevalence."dimension_2" IS 'second dimension; '''' if not crossed';
COMMENT ON COLUMN prevalence."source_2" IS 'its value';
COMMENT ON COLUMN prevalence."unit" IS 'passages, words or documents';
COMMENT ON COLUMN prevalence."basis" IS 'exposure (copies count) or distinct (exact copies once)';
COMMENT ON COLUMN prevalence."label" IS 'label';
COMMENT ON COLUMN prevalence."prevalence" IS 'share of the unit''s total that the classifier can score';
COMMENT ON COLUMN prevalence."ci_low" IS '95 % interval; null where uncalibrated';
COMMENT ON COLUMN prevalence."ci_high" IS '95 % interval; null where uncalibrated';
COMMENT ON COLUMN prevalence."bound" IS 'two or upper';
COMMENT ON COLUMN prevalence."spread" IS 'of an uncalibrated figure: relative half-width from sampling alone, no measure of its error';
COMMENT ON COLUMN prevalence."n_scored" IS 'passages scored';
COMMENT ON COLUMN prevalence."n_labelled" IS 'contents labelled';
COMMENT ON COLUMN prevalence."labelled_by" IS 'who labelled';
COMMENT ON COLUMN prevalence."status" IS 'calibrated, pooled or uncalibrated';
COMMENT ON COLUMN prevalence."method" IS 'how it was estimated';
