INSERT INTO runs BY NAME
SELECT
    json ->> 'run_id' AS run_id,
    json ->> 'audit_id' AS audit_id,
    TRY_CAST(json ->> 'started' AS TIMESTAMP) AS started,
    TRY_CAST(json ->> 'finished' AS TIMESTAMP) AS finished,
    json ->> 'version' AS version,
    json ->> 'host' AS host,
    json -> 'config' AS config
FROM new_runs
ORDER BY started, run_id;
