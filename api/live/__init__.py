"""WebSocket side: newest values in memory, one subscription, a bounded buffer per client.

Reading order: `board` (newest value per entity), `anomalies` (the newest of them), `viewer` (what
one client has not been sent yet), `hub` (all together), `listener` (Redis to hub), `socket` (one
connection). `board`, `anomalies` and `viewer` do no I/O.
"""
