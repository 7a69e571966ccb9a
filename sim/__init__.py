"""A ride-hailing city that produces the events everything else works on, and the truth about them.

Reading order: `domain` (trip machine, tariff, DNA, geometry), `policies` (decisions as functions),
`engine` (the city in time), `publishing` (ports, faults, ledger), `control` (start, drain, end
over HTTP), `main` (the command). Imports point downwards only: main > control > publishing >
engine > policies > domain.
"""
