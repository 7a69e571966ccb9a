"""Decisions of the city as functions of values, one module per decision.

Each with its Protocol and its kinds.

`choice.choose` picks the kinds that a scenario names. No clock, no SimPy, no I/O; chance comes in
as a generator.
"""
