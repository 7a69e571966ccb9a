"""Python functions that run inside Flink's workers: thin adapters over contracts and logic."""
