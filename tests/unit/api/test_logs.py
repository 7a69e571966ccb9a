"""One JSON object per line."""

import json
import logging
import sys

from api.logs import JsonLines


def test_a_line_holds_the_event_and_its_fields() -> None:
    record = logging.LogRecord("api.live", logging.WARNING, __file__, 1, "lost", None, None)
    record.pause_s = 0.5
    line = json.loads(JsonLines().format(record))
    assert line["event"] == "lost"
    assert line["level"] == "warning"
    assert line["pause_s"] == 0.5
    assert "exception" not in line


def test_an_exception_stays_on_the_line() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        record = logging.LogRecord(
            "api", logging.ERROR, __file__, 1, "failed", None, sys.exc_info()
        )
    text = JsonLines().format(record)
    assert "\n" not in text
    assert "ValueError: wrong" in json.loads(text)["exception"]
