"""How events leave the simulator.

Encoded, made imperfect by plan, in time order, through a port, on the record.

Reading order: `publisher` (the engine's sink), `faults` and `corruption` (the plan), `port` with
`memory`, `files` and `kafka`, `ledger` (the truth), `run` (one run from start to end), `pacing`
(the only wall clock).
"""
