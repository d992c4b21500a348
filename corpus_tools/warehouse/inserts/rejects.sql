INSERT INTO rejects BY NAME
SELECT scan_id, shard_id, place, fate, records, reason, detail
FROM new_rejects
ORDER BY scan_id, shard_id, file_row_number;
