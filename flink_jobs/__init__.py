"""The streaming jobs and the feeder.

Reading order: README.md, `logic`, `functions`, `jobs`, `feeder`, `runtime`.
"""
