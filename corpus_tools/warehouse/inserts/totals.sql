INSERT INTO totals BY NAME
SELECT
    audit_id, dimension, source, dimension_2, source_2, unit, basis, total, low, high, unscored_share
FROM new_totals
ORDER BY audit_id, file_row_number;
