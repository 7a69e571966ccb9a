"""What can go wrong in a replay that the person who started it can mend."""


class ReplayError(Exception):
    """A replay cannot start or go on; the message says what, where and what to do."""


class FileError(ReplayError):
    """The file is absent, unreadable, or of another form than the chosen format."""


class FormatError(ReplayError):
    """The name of a format is unknown."""


class BrokerError(ReplayError):
    """Kafka cannot be reached, lacks a topic, or refused a record."""


class LakeError(ReplayError):
    """The catalog cannot be reached, or the table is absent or empty."""
