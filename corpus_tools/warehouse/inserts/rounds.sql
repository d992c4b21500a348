INSERT INTO rounds BY NAME
SELECT
    json ->> 'round' AS round,
    json ->> 'role' AS role,
    json ->> 'audit_id' AS audit_id,
    json ->> 'scan_id' AS scan_id,
    json ->> 'classifier_id' AS classifier_id,
    TRY_CAST(json ->> 'seed' AS BIGINT) AS seed,
    TRY_CAST(json ->> 'drawn' AS BIGINT) AS drawn,
    TRY_CAST(json ->> 'labelled' AS BIGINT) AS labelled,
    coalesce(json -> 'cells', json -> 'rule') AS rule
FROM new_rounds
ORDER BY round;
