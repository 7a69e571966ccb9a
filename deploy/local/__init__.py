"""The stack on one machine and the `farol` command; see `services` for the table of processes."""
