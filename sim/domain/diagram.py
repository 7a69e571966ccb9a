"""The trip machine as a Mermaid diagram, made from the table so that the two cannot disagree."""

from collections.abc import Mapping

from contracts.events import TripState
from sim.domain.trip import FINAL_STATES, TRANSITIONS, TripSignal


def render(transitions: Mapping[tuple[TripState, TripSignal], TripState] = TRANSITIONS) -> str:
    """Return the table as a Mermaid state diagram, one line per transition."""
    lines = ["stateDiagram-v2", f"    [*] --> {TripState.REQUESTED}"]
    lines += [
        f"    {state} --> {following}: {signal}"
        for (state, signal), following in transitions.items()
    ]
    lines += [f"    {state} --> [*]" for state in sorted(FINAL_STATES)]
    return "\n".join(lines) + "\n"
