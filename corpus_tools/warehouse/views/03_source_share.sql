CREATE VIEW source_share AS
SELECT m.dimension, m.source, m.dimension_2, m.source_2, m.unit, m.basis, m.label, m.value AS share, m.low, m.high, m.status, m.method
FROM measures m SEMI JOIN latest_audit USING (audit_id)
WHERE m.measure = 'share';
COMMENT ON VIEW source_share IS 'Share of all narrative text that each source supplies, latest audit.';
