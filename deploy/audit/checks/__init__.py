"""One module per comparison, each pure: columns in, rows of the report out.

Reading order: `produced` (ledger and Kafka), `bronze`, `silver`, `gold`, `surge`, `regions`,
`alerts` (what is told), `anomalies` (log, table, Redis), `anomaly_truth` (planned faults).
"""
