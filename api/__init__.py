"""Reads what the jobs wrote and shows it: REST under `/api/v1`, WebSocket `/ws`, and the live map.

Reading order: `settings`, `main` (composition root), `routes` (HTTP), `services` (one question
each), `stores` (Redis, Trino), `live` (WebSocket hub), `schemas` (bodies), `security` and
`problems` (who may ask, how errors look), `web` (the page).

Nothing here writes to Redis, Kafka or the lakehouse.
"""
