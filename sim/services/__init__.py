"""Services outside the simulator that take part in a run, each behind a policy's Protocol.

`osrm` finds ways on real streets, `surge_feed` reads the multipliers that the surge job computes.
What they say is recorded beside the run, so that the run can be repeated without them.
"""
