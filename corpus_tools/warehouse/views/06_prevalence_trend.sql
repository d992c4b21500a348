CREATE VIEW prevalence_trend AS
SELECT r.finished, a.name, p.*
FROM prevalence p JOIN audits a USING (audit_id)
JOIN (SELECT audit_id, min(finished) AS finished FROM runs GROUP BY audit_id) r USING (audit_id)
ORDER BY r.finished, p.audit_id;
COMMENT ON VIEW prevalence_trend IS 'Prevalence over audits, in order of their first run.';
