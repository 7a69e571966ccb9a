"""The city in time: SimPy processes that turn the policies' decisions into events.

Reading order: `simulation` (wires everything), `rides` (one process per request), `drivers` (one
per driver), `fleet` (all movement and pings in one vectorised process), `city` (the state they
share), `stamping` (ids and times). Time is an integer, epoch milliseconds; wall time is unknown
here.
"""
