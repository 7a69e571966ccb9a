"""Local wall-clock text to UTC.

An ambiguous hour (clocks go back) is read as its first pass; an hour that does not exist (clocks go
forward) is read with the offset in force before the jump, so 02:30 becomes what 03:30 of the new
time is.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sim.replay.errors import ReplayError

_ISO: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_AMERICAN: Final = re.compile(
    r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M", re.ASCII | re.IGNORECASE
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS: Final = timedelta(milliseconds=1)
_PLAIN_LENGTH: Final = len("2019-01-15 03:36:12")
_CACHE_LIMIT: Final = 100_000


class LocalClock:
    """Reads times of one zone; hours are cached, as offsets change at the top of an hour."""

    def __init__(self, time_zone: str) -> None:
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ReplayError(
                f"time zone {time_zone!r} is not known to this Python; install the tzdata package "
                "or write the zone as America/New_York"
            ) from error
        self._hours: dict[str, int] = {}

    def epoch_ms(self, text: str) -> int | None:
        """Return the instant of a time text as epoch milliseconds, None where it is no time.

        Read are `2019-01-15 03:36:12` (also with `T`, a fraction, an offset) and
        `01/15/2019 03:36:12 AM`.
        """
        if len(text) == _PLAIN_LENGTH:
            base = self._hours.get(text[:13])
            if base is not None and text[13] == ":" and text[16] == ":":
                minute, second = text[14:16], text[17:19]
                if (
                    minute.isascii()
                    and minute.isdecimal()
                    and second.isascii()
                    and second.isdecimal()
                ):
                    minutes, seconds = int(minute), int(second)
                    if minutes < 60 and seconds < 60:
                        return base + minutes * 60_000 + seconds * 1000
                return None
        return self._slow(text)

    def _slow(self, text: str) -> int | None:
        try:
            if _ISO.fullmatch(text):
                moment = datetime.fromisoformat(text)
            elif _AMERICAN.fullmatch(text):
                moment = datetime.strptime(text.upper(), "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007 zone below
            else:
                return None
            if moment.tzinfo is not None:
                return (moment - _EPOCH) // _ONE_MS
            instant_ms = (moment.replace(tzinfo=self._zone, fold=0) - _EPOCH) // _ONE_MS
        except (ValueError, OverflowError):
            return None
        if len(text) == _PLAIN_LENGTH and text[4] == "-":
            if len(self._hours) >= _CACHE_LIMIT:
                self._hours.clear()
            into_hour_ms = (moment.minute * 60 + moment.second) * 1000
            self._hours[text[:13]] = instant_ms - into_hour_ms
        return instant_ms
