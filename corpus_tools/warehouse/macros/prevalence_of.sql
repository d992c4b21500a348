CREATE MACRO prevalence_of(label, "by" := 'corpus', crossed_with := '', unit := 'passages', basis := 'exposure') AS TABLE
SELECT
    p.source, p.source_2, p.prevalence, p.ci_low, p.ci_high, p.bound, p.status, p.n_scored, p.n_labelled, p.total, p.shards
FROM latest_prevalence AS p
WHERE
    p.label = label AND p.dimension = "by" AND p.dimension_2 = crossed_with AND p.unit = unit AND p.basis = basis
ORDER BY p.prevalence DESC NULLS LAST, p.source, p.source_2;

COMMENT ON MACRO TABLE prevalence_of IS 'Prevalence of a label by a dimension, the richest source first, in the latest audit of each name: prevalence_of(''label'', by := ''domain'').';
