"""Malformed records that were repaired and sent again: how such a record says where it comes from.

It carries the headers of the original but for the run's: it was not sent by that run, and the audit
counts it apart.
"""

from typing import Final

from contracts.domain import HEADER_RUN_ID

HEADER_PARTITION: Final = "resent_partition"
HEADER_OFFSET: Final = "resent_offset"
"""With the topic, which is the same, these two identify the malformed record."""
HEADER_REASON: Final = "resent_reason"
HEADER_AT: Final = "resent_at"
"""Wall time of the resend, RFC 3339."""
RESEND_HEADERS: Final = (HEADER_PARTITION, HEADER_OFFSET, HEADER_REASON, HEADER_AT)
DROPPED_HEADERS: Final = frozenset({HEADER_RUN_ID, *RESEND_HEADERS})
"""Headers of the original that a resent record does not carry over."""
