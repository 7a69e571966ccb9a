"""One module per comparison, each pure: columns in, rows of the report out.

Reading order: `produced` (ledger and Kafka), `bronze`, `silver`, `gold`, `surge`, `regions`.
"""
