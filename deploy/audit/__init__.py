"""Accounts for every record of a run: truth, Kafka, Bronze, Silver, Gold, windows, Redis.

Reading order: `report` (what comes out), `ledger` and `log` (what truly was, what the topics hold),
`truth_windows`, `file_windows`, `anomalies` (what jobs should have made of it),
`checks` (pure comparisons), `sources` (Kafka, Iceberg, Redis), `audit` (all of it), `cli`.

It is written apart from what it checks: nothing of the jobs or of dbt is imported, only the
contracts.
"""
