"""WebSocket side: newest values in memory, one subscription, a bounded buffer per client.

Reading order: `board` (newest value per entity), `viewer` (what one client has not been sent yet),
`hub` (both together), `listener` (Redis to hub), `socket` (one connection). `board` and `viewer` do
no I/O.
"""
