INSERT INTO prevalence BY NAME
SELECT
    audit_id, dimension, source, dimension_2, source_2, unit, basis, label, prevalence, ci_low, ci_high, bound, spread,
    n_scored, n_labelled, labelled_by, status, method
FROM new_prevalence
ORDER BY audit_id, file_row_number;
