INSERT INTO classifiers BY NAME
SELECT
    json ->> 'classifier_id' AS classifier_id,
    json ->> 'pack' AS pack,
    json ->> 'encoder' AS encoder,
    json ->> 'precision' AS precision,
    json ->> 'engine' AS engine,
    TRY_CAST(json -> 'labels' AS VARCHAR[]) AS labels,
    json ->> 'weights_sha256' AS weights_sha256,
    json -> 'trained_on' AS trained_on
FROM new_classifiers
ORDER BY classifier_id;
