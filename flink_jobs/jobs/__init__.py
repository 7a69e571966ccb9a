"""Wiring only: a module registers tables, returns one statement set and runs by `-pym`."""
