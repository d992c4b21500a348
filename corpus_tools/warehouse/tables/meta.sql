CREATE TABLE meta (
    schema_version INTEGER
);

COMMENT ON TABLE meta IS 'One row: which form of the warehouse this file has. A file of another form is made again from the root.';
COMMENT ON COLUMN meta.schema_version IS 'raised when a table, a view or a column changes its meaning';
