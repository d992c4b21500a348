INSERT INTO audits BY NAME
WITH repeats AS (
    SELECT
        s.audit_id,
        count(nullif(d.given_id, '')) - count(DISTINCT (d.dataset, d.given_id)) FILTER (d.given_id <> '') AS repeated_ids,
        count(d.content) - count(DISTINCT d.content) AS repeated_documents
    FROM shards AS s
    INNER JOIN documents AS d USING (scan_id, shard_id)
    GROUP BY s.audit_id
), states AS (
    SELECT
        audit_id,
        count(*) FILTER (status = 'done') AS shards_done,
        count(*) FILTER (status = 'partial') AS shards_partial,
        count(*) FILTER (status = 'failed') AS shards_failed
    FROM shards
    GROUP BY audit_id
), available AS (
    SELECT
        json ->> 'audit_id' AS audit_id,
        list_sum(list_transform(map_values(TRY_CAST(json -> 'sampled' AS MAP(VARCHAR, BIGINT[]))), lambda pair: pair[2])) AS shards
    FROM new_audits
)
SELECT
    a.json ->> 'audit_id' AS audit_id,
    a.json ->> 'name' AS name,
    a.json ->> 'scan_id' AS scan_id,
    a.json ->> 'classifier_id' AS classifier_id,
    a.json ->> 'pack' AS pack,
    a.json ->> 'headline' AS headline,
    TRY_CAST(a.json ->> 'threshold' AS DOUBLE) AS threshold,
    TRY_CAST(a.json -> 'label_names' AS VARCHAR[]) AS label_names,
    TRY_CAST(a.json -> 'dimensions' AS VARCHAR[]) AS dimensions,
    TRY_CAST(a.json -> 'sampled' AS MAP(VARCHAR, BIGINT[])) AS sampled,
    coalesce(n.shards_done + n.shards_partial, 0) || ' of ' || v.shards AS shards,
    coalesce(n.shards_done, 0) AS shards_done,
    coalesce(n.shards_partial, 0) AS shards_partial,
    coalesce(n.shards_failed, 0) AS shards_failed,
    TRY_CAST(a.json ->> '$.books.read' AS BIGINT) AS records_read,
    TRY_CAST(a.json ->> '$.books.kept' AS BIGINT) AS records_kept,
    TRY_CAST(a.json ->> '$.books.empty' AS BIGINT) AS records_empty,
    TRY_CAST(a.json ->> '$.books.rejected' AS BIGINT) AS records_rejected,
    TRY_CAST(a.json ->> '$.books.failed' AS BIGINT) AS records_failed,
    coalesce(r.repeated_ids, 0) AS repeated_ids,
    coalesce(r.repeated_documents, 0) AS repeated_documents
FROM new_audits AS a
LEFT JOIN states AS n ON n.audit_id = a.json ->> 'audit_id'
LEFT JOIN repeats AS r ON r.audit_id = a.json ->> 'audit_id'
LEFT JOIN available AS v ON v.audit_id = a.json ->> 'audit_id'
ORDER BY a.json ->> 'audit_id';
