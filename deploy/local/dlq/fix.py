"""What a repair makes of a malformed record: an expression of jq, judged by the contracts.

The expression gets the record's JSON; of a record that is no JSON it gets the text, so that
`(. + "}") | fromjson` can mend it. One that is not UTF-8 has no text, a tombstone nothing: null.
Numbers are those of jq, doubles: whole ones beyond 2^53 are rounded, which no field holds.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import jq
import msgspec

from contracts.domain import input_topic
from contracts.validation import reject_reason
from deploy.local.dlq.tables import DlqError, DlqRecord

_KEY: Final = msgspec.json.Decoder(dict[str, Any])


class FixError(DlqError):
    """An expression is no jq, or cannot be applied to a record."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one record.

    Attributes:
        record: The malformed record.
        value: What would be sent, None where the expression gave nothing.
        key: Its key.
        problem: Why it cannot be sent, None where it can.
    """

    record: DlqRecord
    value: bytes | None
    key: bytes | None
    problem: str | None


class Expression:
    """One expression of jq, compiled once.

    Raises:
        FixError: It is no jq.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._program = jq.compile(text)
        except ValueError as error:
            reason = str(error).strip().splitlines()[0].removeprefix("jq: error: ")
            raise FixError(f"{text!r} is no expression of jq: {reason}") from error

    def results(self, document: str) -> list[Any]:
        """Return what the expression gives for a JSON text.

        Raises:
            FixError: It fails for this document.
        """
        try:
            return list(self._program.input_text(document).all())
        except ValueError as error:
            raise FixError(str(error).strip()) from error


def document(record: DlqRecord) -> str:
    """Return what expressions get of a record, as JSON text."""
    try:
        text = (record.value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return "null"
    if record.value is None:
        return "null"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text)
    return text


def is_chosen(where: Expression | None, record: DlqRecord) -> bool:
    """Return whether a condition holds for a record; one that fails for it does not hold."""
    if where is None:
        return True
    try:
        return where.results(document(record)) == [True]
    except FixError:
        return False


def repaired(fix: Expression, record: DlqRecord) -> Outcome:
    """Return what a repair makes of a record, and why it cannot be sent if so."""
    try:
        results = fix.results(document(record))
    except FixError as error:
        return Outcome(record, None, record.key, f"the expression fails: {error}")
    if len(results) != 1:
        return Outcome(record, None, record.key, f"the expression gave {len(results)} results")
    value = msgspec.json.encode(results[0])
    reason = reject_reason(record.topic, value)
    if reason is not None:
        return Outcome(record, value, record.key, reason)
    return Outcome(record, value, _key(record.topic, value), None)


def _key(topic: str, value: bytes) -> bytes | None:
    """Return the key that the record should have: a malformed one may have had a wrong one."""
    key = _KEY.decode(value).get(input_topic(topic).key_field)
    return None if key is None else str(key).encode()
