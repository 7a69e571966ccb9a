"""Java artifacts by a lock: `lockfile` (format), `download` (all), `resolve` (maintainers)."""
