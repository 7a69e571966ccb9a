"""Event time: RFC 3339 text in UTC with milliseconds on the wire, epoch milliseconds inside."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS = timedelta(milliseconds=1)


def rfc3339(epoch_ms: int) -> str:
    """Return epoch milliseconds as RFC 3339 text, e.g. `2026-03-02T09:00:00.000Z`.

    Raises:
        OverflowError: The instant lies outside the years 1 to 9999.
    """
    moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def epoch_ms(text: str) -> int:
    """Return RFC 3339 text in UTC as epoch milliseconds; digits beyond milliseconds are cut off.

    Raises:
        ValueError: The text is no instant, or carries no UTC offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(
            f"event time {text!r} has no UTC offset: write it as 2026-03-02T09:00:00.000Z"
        )
    return (moment - _EPOCH) // _ONE_MS
