CREATE TABLE meta (
    "schema_version" INTEGER
);
COMMENT ON TABLE meta IS 'What this database is.';
COMMENT ON COLUMN meta."schema_version" IS 'raised when a table or view changes; a newer one is refused';
