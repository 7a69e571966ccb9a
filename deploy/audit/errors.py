"""Why an audit cannot be made at all."""


class AuditError(Exception):
    """The audit cannot start; the message says what to do."""
