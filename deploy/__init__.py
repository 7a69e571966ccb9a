"""Everything that installs, starts and watches Farol; the only part that knows all others.

Reading order: `deploy.jvm` (pinned jars), `deploy.setup` (the toolchain), `deploy.local.layout`
(folders), `deploy.local.services` (the table of processes), `deploy.local.stack` (start, stop,
status), `deploy.local.main` (commands).
"""
