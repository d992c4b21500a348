"""The audit root: files in folders, written so that a kill at any moment loses nothing. The warehouse is derived from them.

    revisions.json                                        hashes of local shards, by path, size and time of change
    scans/<scan_id>.json                                  the frozen configuration
    classifiers/<classifier_id>.json                      what scored
    shards/<scan_id>/<shard_id>/{documents,passages,tallies,rejects}.parquet, then manifest.json
    scores/<classifier_id>/<scan_id>/<shard_id>.parquet   (and <shard_id>.vectors.parquet)
    rounds/<round>.{json,parquet}
    audits/<audit_id>/{totals,prevalence,measures,near_copies}.parquet, notes.json, then audit.json
    runs/<run_id>.json                                    times and machines, outside row-for-row equality
    parts/                                                a root of its own: shards that are scanned in parts, until these are joined
    .lock                                                 who writes the root (claim.py)

A shard without its manifest is not done. Any fsspec address serves as a root. On a disk a shard appears by one rename; in an object
store, which has none, its tables are written to this machine's temporary folder and put there whole, the manifest last; what a killed
run left without a manifest is swept when the next one starts. Nothing here opens the database.
"""

from corpus_tools.root.layout import DATABASE, ESTIMATES, REPORT, SHARD_TABLES, Root, audit_id

__all__ = ["DATABASE", "ESTIMATES", "REPORT", "SHARD_TABLES", "Root", "audit_id"]
