"""Malformed records: count them, look at them, repair them and send them again, once.

Reading order: `tables` (what is there, read from Iceberg without Trino), `fix` (what a repair makes
of one record), `resends` (which were sent again, durably), `replay` (all of it), `commands`.
"""
