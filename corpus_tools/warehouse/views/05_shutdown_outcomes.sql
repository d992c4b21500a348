CREATE VIEW shutdown_outcomes AS
SELECT m.dimension, m.source, m.unit, m.basis, m.label AS outcome, m.value AS share, m.low, m.high, m.status, m.method
FROM measures m SEMI JOIN latest_audit USING (audit_id)
WHERE m.measure = 'outcome' AND m.dimension_2 = '';
COMMENT ON VIEW shutdown_outcomes IS 'What a threatened artificial mind does: shares of the passages with a threat, latest audit.';
