"""What two parts of Farol must agree on, and nothing else.

Reading order: `events` (the records), `domain` (topics and their limits), `validation` (what is
malformed), `zones`, `rules` (formulas with one home), `redis_keys`, `live` (WebSocket messages),
`tables` (Iceberg), `metrics`, `ports`, then `render` (JSON Schema, Flink DDL, dbt sources,
TypeScript made from all of these).

Nothing here does I/O beyond reading its own data files, and nothing here imports another part.
"""
