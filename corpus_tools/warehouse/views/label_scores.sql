CREATE VIEW label_scores AS
FROM (UNPIVOT scores ON COLUMNS(* EXCLUDE (classifier_id, scan_id, shard_id, passage_id, content)) INTO NAME label VALUE score);

COMMENT ON VIEW label_scores IS 'Scores in long form: one row per scored passage and label.';
COMMENT ON COLUMN label_scores.classifier_id IS 'which classifier';
COMMENT ON COLUMN label_scores.scan_id IS 'of the passage';
COMMENT ON COLUMN label_scores.shard_id IS 'of the passage';
COMMENT ON COLUMN label_scores.passage_id IS 'of the passage';
COMMENT ON COLUMN label_scores.content IS 'hash of the passage''s text';
COMMENT ON COLUMN label_scores.label IS 'which label';
COMMENT ON COLUMN label_scores.score IS 'its calibrated probability';
