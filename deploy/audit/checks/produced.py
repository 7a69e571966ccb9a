"""What the producer says it sent against what its topics hold."""

from collections import Counter

import numpy as np

from deploy.audit.ledger import Truth
from deploy.audit.log import Kind, TopicLog, place_name
from deploy.audit.report import Check, Verdict, compared, note, shown

AREA = "produced"
_KINDS = ("clean", "duplicate", "malformed", "control")


def check_produced(truth: Truth, log: TopicLog) -> list[Check]:
    """Return the checks of one topic: records by kind, offsets, reasons, strangers."""
    checks = [_offsets(truth, log), *_by_kind(truth, log), _reasons(truth, log)]
    if log.resent:
        names = (place_name(log.topic, place) for place in sorted(log.resent))
        what = "malformed records, repaired and sent again"
        checks.append(note(AREA, f"{log.topic}: resent", len(log.resent), what, names))
    strangers = [place for place in log.place[~log.is_own].tolist() if place not in log.resent]
    if strangers:
        names = (place_name(log.topic, place) for place in strangers)
        checks.append(
            note(AREA, f"{log.topic}: others", len(strangers), "records of other producers", names)
        )
    return checks


def counted(log: TopicLog) -> dict[str, int]:
    """Return the run's records by kind, as the log alone shows them."""
    own = log.is_own
    events = int(np.count_nonzero(own & (log.kind == Kind.EVENT)))
    clean = int(np.count_nonzero(own & log.first_copies()))
    return {
        "clean": clean,
        "duplicate": events - clean,
        "malformed": int(np.count_nonzero(own & (log.kind == Kind.MALFORMED))),
        "control": int(np.count_nonzero(own & (log.kind == Kind.CONTROL))),
    }


def _offsets(truth: Truth, log: TopicLog) -> Check:
    """Compare the growth of the offsets with the records that could be read."""
    ranges = truth.offsets.get(log.topic, {})
    growth = sum(
        (log.ends.get(partition, first) if end is None else end) - first
        for partition, (first, end) in ranges.items()
    )
    return compared(
        AREA,
        f"{log.topic}: offsets",
        growth,
        len(log.place),
    )


def _by_kind(truth: Truth, log: TopicLog) -> list[Check]:
    actual = counted(log)
    checks = []
    for kind in _KINDS:
        expected = truth.produced.get((log.topic, kind), 0)
        subject = f"{log.topic}: {kind}"
        if truth.is_ended:
            checks.append(compared(AREA, subject, expected, actual[kind]))
        else:
            # Ledger and topic are written and read at different moments: neither is a bound.
            found = str(actual[kind])
            checks.append(
                Check(
                    area=AREA,
                    subject=subject,
                    expected=f"about {expected}",
                    actual=found,
                    verdict=Verdict.OK,
                )
            )
    return checks


def _reasons(truth: Truth, log: TopicLog) -> Check:
    """Compare the reasons of the malformed with those that were planned, by key where known."""
    actual = log.own_reasons()
    if truth.producer == "replay":
        # Rows have no other name than their number, which is not in a record that is no JSON.
        planned = Counter(("", reason) for _, reason in truth.rejected)
        actual = Counter()
        for (_, reason), count in log.own_reasons().items():
            actual["", reason] += count
    else:
        planned = truth.planned_reasons(log.topic)
    subject = f"{log.topic}: reasons"
    missing, extra = planned - actual, actual - planned
    if truth.is_ended or (not missing and not extra):
        offenders = [f"{key} {reason}: {n} not in Kafka" for (key, reason), n in missing.items()]
        offenders += [f"{key} {reason}: {n} not planned" for (key, reason), n in extra.items()]
        return compared(AREA, subject, planned.total(), actual.total(), offenders=shown(offenders))
    return Check(
        area=AREA,
        subject=subject,
        expected=f"about {planned.total()}",
        actual=str(actual.total()),
        verdict=Verdict.OK,
    )
