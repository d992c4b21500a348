INSERT INTO shards BY NAME
WITH listed AS (
    SELECT json ->> 'audit_id' AS audit_id, json ->> 'scan_id' AS scan_id, unnest(CAST(json -> 'shards' AS JSON[])) AS shard
    FROM new_audits
)
SELECT
    a.audit_id,
    a.scan_id,
    a.shard ->> 'shard_id' AS shard_id,
    a.shard ->> 'dataset' AS dataset,
    a.shard ->> 'address' AS address,
    a.shard ->> 'uri' AS uri,
    a.shard ->> 'format' AS format,
    TRY_CAST(a.shard ->> 'bytes' AS BIGINT) AS bytes,
    a.shard ->> 'revision' AS revision,
    a.shard ->> 'status' AS status,
    a.shard ->> 'error' AS error,
    TRY_CAST(a.shard ->> 'shard_probability' AS DOUBLE) AS shard_probability,
    m.json ->> 'unread' AS unread,
    TRY_CAST(m.json ->> 'read' AS BIGINT) AS records_read,
    TRY_CAST(m.json ->> 'kept' AS BIGINT) AS records_kept,
    TRY_CAST(m.json ->> 'empty' AS BIGINT) AS records_empty,
    TRY_CAST(m.json ->> 'rejected' AS BIGINT) AS records_rejected,
    TRY_CAST(m.json ->> 'failed' AS BIGINT) AS records_failed,
    TRY_CAST(m.json ->> 'documents' AS BIGINT) AS documents,
    TRY_CAST(m.json ->> 'words' AS BIGINT) AS words,
    TRY_CAST(m.json ->> 'text_bytes' AS BIGINT) AS text_bytes,
    TRY_CAST(m.json ->> 'hit_documents' AS BIGINT) AS hit_documents,
    TRY_CAST(m.json ->> 'sampled_documents' AS BIGINT) AS sampled_documents,
    TRY_CAST(m.json ->> 'passages' AS BIGINT) AS passages,
    TRY_CAST(m.json ->> 'candidates' AS BIGINT) AS candidates
FROM listed AS a
LEFT JOIN new_manifests AS m ON m.scan_id = a.scan_id AND m.shard_id = a.shard ->> 'shard_id'
ORDER BY ALL;
