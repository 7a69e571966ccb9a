"""One root exception of the simulator, one class per broken rule."""


class SimError(Exception):
    """Root of everything the simulator raises on purpose."""


class ScenarioError(SimError):
    """A scenario cannot be used; the message names the wrong key."""


class ConservationError(SimError):
    """A law that must hold was about to be broken, e.g. a driver would get a second trip."""
