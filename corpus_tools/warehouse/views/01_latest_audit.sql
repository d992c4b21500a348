CREATE VIEW latest_audit AS
SELECT a.* FROM audits a JOIN (SELECT audit_id FROM runs ORDER BY finished DESC, run_id DESC LIMIT 1) r USING (audit_id);
COMMENT ON VIEW latest_audit IS 'The audit whose run finished last.';
