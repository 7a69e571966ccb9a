"""Starting, watching and ending runs.

`scenarios` (reading), `runner` (one run in a thread), `server` (over HTTP).
"""
