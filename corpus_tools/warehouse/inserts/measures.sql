INSERT INTO measures BY NAME
SELECT
    audit_id, dimension, source, dimension_2, source_2, unit, basis, label, measure, against, value, low, high,
    q_value, status, method
FROM new_measures
ORDER BY audit_id, file_row_number;
