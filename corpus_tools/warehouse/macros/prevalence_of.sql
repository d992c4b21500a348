CREATE MACRO prevalence_of(which, "by" := 'corpus', per := 'passages') AS TABLE
SELECT source, prevalence, ci_low, ci_high, bound, status, n_scored, n_labelled, method
FROM latest_prevalence
WHERE label = which AND dimension = "by" AND dimension_2 = '' AND unit = per AND basis = 'exposure'
ORDER BY prevalence DESC NULLS LAST, source;
