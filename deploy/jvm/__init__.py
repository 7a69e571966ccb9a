"""Java artifacts by a pinned lock: `lockfile` (format), `resolve` (maintainers), `download` (all)."""
