CREATE VIEW narrative_balance AS
SELECT m.dimension, m.source, m.dimension_2, m.source_2, m.unit, m.basis, m.label, m.against, m.value AS balance, m.low, m.high, m.status, m.method
FROM measures m SEMI JOIN latest_audit USING (audit_id)
WHERE m.measure = 'balance';
COMMENT ON VIEW narrative_balance IS 'One label against another by source, latest audit.';
