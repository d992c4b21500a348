CREATE VIEW latest_prevalence AS
SELECT p.* FROM prevalence p SEMI JOIN latest_audit USING (audit_id);
COMMENT ON VIEW latest_prevalence IS 'Prevalence of the latest audit.';
