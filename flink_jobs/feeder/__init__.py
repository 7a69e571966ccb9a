"""The feeder: derived topics to Redis; the newest value wins, offsets follow the writes.

Reading order: `main` (wiring), `loop` (read, write, commit), `handlers` (what each topic becomes),
`scripts` (the writes and their guards, in Lua, atomic in Redis), `settings`, `telemetry`.
"""
