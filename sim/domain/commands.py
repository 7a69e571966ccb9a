"""What can be asked of a running city from outside, and the record of it.

Commands change what happens, so each is kept with the simulated time at which it was applied: the
same scenario with the same record makes the same bytes.
"""

from typing import Annotated

import msgspec

from sim.domain.errors import SimError

AgentId = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,64}$")]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class CommandInvalid(SimError):  # noqa: N818 - the name says what happened
    """A command names an agent or a place that cannot be."""


class PuppetRefused(SimError):  # noqa: N818 - the name says what happened
    """An agent cannot do what was asked in its present state."""

    def __init__(self, agent_id: str, command: str, state: str, allowed: tuple[str, ...]) -> None:
        self.agent_id = agent_id
        self.command = command
        self.state = state
        self.allowed = allowed
        names = ", ".join(allowed) or "nothing"
        super().__init__(f"{agent_id} cannot {command} while {state}: possible are {names}")


class _Command(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """Base of all commands."""


class _OfAgent(_Command, frozen=True, kw_only=True):
    agent_id: AgentId


class _ToPoint(_OfAgent, frozen=True, kw_only=True):
    lat: Latitude
    lon: Longitude


class Drain(_Command, frozen=True, kw_only=True, tag="drain"):
    """No new requests from here on."""


class Resume(_Command, frozen=True, kw_only=True, tag="resume"):
    """Requests come in again."""


class EndTripsNow(_Command, frozen=True, kw_only=True, tag="end_trips_now"):
    """The system cancels what has not started and completes what has."""


class End(_Command, frozen=True, kw_only=True, tag="end"):
    """The run ends here."""


class SetSurge(_Command, frozen=True, kw_only=True, tag="set_surge"):
    """What the platform's stream says of a zone (policy `streamed`)."""

    zone_id: int
    multiplier: Annotated[float, msgspec.Meta(ge=1, le=10)]


class AddDriver(_OfAgent, frozen=True, kw_only=True, tag="add_driver"):
    """A new driver, who begins a shift within seconds; a puppet waits for `go_online`."""

    home_zone_id: int
    is_puppet: bool = False


class AddRider(_OfAgent, frozen=True, kw_only=True, tag="add_rider"):
    """A new rider; a puppet asks for rides only by `request`."""

    home_zone_id: int
    is_puppet: bool = False


class RemoveDriver(_OfAgent, frozen=True, kw_only=True, tag="remove_driver"):
    """A driver leaves for good as soon as no trip or offer is under way."""


class RemoveRider(_OfAgent, frozen=True, kw_only=True, tag="remove_rider"):
    """A rider without a trip asks for rides no more."""


class GoOnline(_ToPoint, frozen=True, kw_only=True, tag="go_online"):
    """A puppet driver begins to work at a point."""


class GoOffline(_OfAgent, frozen=True, kw_only=True, tag="go_offline"):
    """A puppet driver stops working."""


class DriveTo(_ToPoint, frozen=True, kw_only=True, tag="drive_to"):
    """A puppet driver without work drives to a point."""


class Accept(_OfAgent, frozen=True, kw_only=True, tag="accept"):
    """A puppet driver takes the offer, and drives to the pickup and the dropoff."""


class Reject(_OfAgent, frozen=True, kw_only=True, tag="reject"):
    """A puppet driver turns the offer down."""


class Cancel(_OfAgent, frozen=True, kw_only=True, tag="cancel"):
    """A puppet ends the trip that has not started yet."""


class RequestRide(_ToPoint, frozen=True, kw_only=True, tag="request"):
    """A puppet rider at a point asks for a ride to another."""

    dropoff_lat: Latitude
    dropoff_lon: Longitude


AgentCommand = (
    AddDriver
    | AddRider
    | RemoveDriver
    | RemoveRider
    | GoOnline
    | GoOffline
    | DriveTo
    | Accept
    | Reject
    | Cancel
    | RequestRide
)
Command = Drain | Resume | EndTripsNow | End | SetSurge | AgentCommand


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A command and the simulated time (epoch ms) before whose events it was applied."""

    at_ms: int
    command: Command


def name_of(command: Command) -> str:
    """Return the name under which a command goes over the wire."""
    return str(command.__struct_config__.tag)
