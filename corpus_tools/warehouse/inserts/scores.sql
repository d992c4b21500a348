INSERT INTO scores BY NAME
SELECT * EXCLUDE (file_row_number)
FROM new_scores
ORDER BY classifier_id, scan_id, shard_id, file_row_number;
