"""Replays recorded trips from files onto `taxi.trips`, each row once, unchanged in meaning.

Reading order: `formats` (what columns a file has, a table), `reading` (CSV and Parquet as text
cells), `ordering` (external sort by event time), `conversion` (one row to one record, pure),
`pacing` (wall clock and heartbeats), `ledger` (the truth the audit reads), `kafka` (the broker),
`run` (all of it together).
"""
