"""Gold against the truth: final state and fare of every trip, every centavo paid."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from contracts.events import TripState
from deploy.audit.ledger import Money, Transition
from deploy.audit.report import Check, Verdict, compared, not_built, shown

AREA: Final = "gold"
FINAL_STATES: Final = frozenset({TripState.COMPLETED, TripState.CANCELLED})


class TripRow(NamedTuple):
    """One row of `fact_trips`, of the audited run."""

    trip_id: str
    state: str
    fare_minor: int | None


class PaymentRow(NamedTuple):
    """One row of `fact_payments`, of the audited run."""

    payment_id: str
    trip_id: str
    fare_minor: int
    fee_minor: int
    payout_minor: int
    tip_minor: int
    currency: str


_Row = TypeVar("_Row")


class Built(msgspec.Struct, Generic[_Row], frozen=True, kw_only=True):
    """What a fact table holds of a run, and the newest offset of each partition in it."""

    rows: list[_Row]
    newest: dict[int, int]


def check_is_complete(table: str, expected: int, built: int) -> Check:
    """Return whether the newest build has read every event of the run.

    Args:
        table: The fact table.
        expected: Events of the truth.
        built: Those that the build has read.
    """
    return Check(
        area=AREA,
        subject=f"{table}: events read",
        expected=str(expected),
        actual=str(built),
        verdict=Verdict.OK if expected == built else Verdict.BEHIND,
        detail="" if expected == built else "the rest came after the newest build: farol dbt build",
    )


def final_states(transitions: Iterable[Transition]) -> dict[str, TripRow]:
    """Return how each trip stands after its newest transition; a fare is that of its completion."""
    newest: dict[str, Transition] = {}
    fares: dict[str, int | None] = {}
    for change in transitions:
        if change.state == TripState.COMPLETED:
            fares[change.trip_id] = change.fare_minor
        known = newest.get(change.trip_id)
        if known is None or change.event_time_ms >= known.event_time_ms:
            newest[change.trip_id] = change
    return {
        trip_id: TripRow(trip_id, change.state, fares.get(trip_id))
        for trip_id, change in newest.items()
    }


def check_trips_end(transitions: Iterable[Transition]) -> Check:
    """Return whether every trip of an ended run has ended in one final state."""
    trips = final_states(transitions)
    ended = [t for t in transitions if t.state in FINAL_STATES]
    twice = [trip for trip, n in Counter(t.trip_id for t in ended).items() if n > 1]
    open_ = [f"{t.trip_id} is {t.state}" for t in trips.values() if t.state not in FINAL_STATES]
    offenders = [*shown(open_), *shown(f"{trip} ended more than once" for trip in twice)]
    return compared(
        "truth", "every trip ends once", len(trips), len(trips) - len(open_), offenders=offenders
    )


def check_trips(transitions: Iterable[Transition], rows: Collection[TripRow] | None) -> list[Check]:
    """Return one check per state and one of all trips.

    Args:
        transitions: The truth, up to what the newest build has read.
        rows: What `fact_trips` holds of the run, None where there is no such table.
    """
    truth = final_states(transitions)
    subject = "gold.fact_trips"
    if rows is None:
        return [not_built(AREA, subject, len(truth), "no table gold.fact_trips: farol dbt build")]
    actual = {row.trip_id: row for row in rows}
    offenders = [f"{trip} missing" for trip in truth if trip not in actual]
    offenders += [f"{trip} unknown" for trip in actual if trip not in truth]
    offenders += [f"{row.trip_id} more than once: {n}" for row, n in Counter(rows).items() if n > 1]
    for trip, expected in truth.items():
        found = actual.get(trip)
        if found is not None and found != expected:
            offenders.append(
                f"{trip} is {found.state} {found.fare_minor}, truly "
                f"{expected.state} {expected.fare_minor}"
            )
    checks = [compared(AREA, subject, len(truth), len(rows), offenders=offenders)]
    expected_states = Counter(trip.state for trip in truth.values())
    actual_states = Counter(row.state for row in rows)
    checks += [
        compared(AREA, f"{subject}: {state}", expected_states[state], actual_states[state])
        for state in sorted(expected_states | actual_states)
    ]
    return checks


def check_payments(truth: Iterable[Money], rows: Collection[PaymentRow] | None) -> list[Check]:
    """Return the checks of `fact_payments`: each payment, the sums, fare = fee + payout."""
    expected = {money.payment_id: PaymentRow._make(money[1:]) for money in truth}
    subject = "gold.fact_payments"
    if rows is None:
        what = "no table gold.fact_payments: farol dbt build"
        return [not_built(AREA, subject, len(expected), what)]
    actual = {row.payment_id: row for row in rows}
    offenders = [f"{payment} missing" for payment in expected if payment not in actual]
    offenders += [f"{payment} unknown" for payment in actual if payment not in expected]
    offenders += [
        f"{payment} more than once: {n}"
        for payment, n in Counter(row.payment_id for row in rows).items()
        if n > 1
    ]
    offenders += [
        f"{payment}: {actual[payment][1:]}, truly {money[1:]}"
        for payment, money in expected.items()
        if payment in actual and actual[payment] != money
    ]
    checks = [compared(AREA, subject, len(expected), len(rows), offenders=offenders)]
    for field in ("fare_minor", "fee_minor", "payout_minor", "tip_minor"):
        checks.append(
            compared(
                AREA,
                f"{subject}: sum of {field}",
                _sums(expected.values(), field),
                _sums(rows, field),
            )
        )
    unbalanced = [
        f"{row.payment_id}: {row.fare_minor} is not {row.fee_minor} + {row.payout_minor}"
        for row in rows
        if row.fare_minor != row.fee_minor + row.payout_minor
    ]
    checks.append(
        Check(
            area=AREA,
            subject=f"{subject}: fare = fee + payout",
            expected="0 off",
            actual=f"{len(unbalanced)} off",
            verdict=Verdict.DIFFERENT if unbalanced else Verdict.OK,
            offenders=shown(unbalanced),
        )
    )
    return checks


def _sums(rows: Iterable[PaymentRow], field: str) -> str:
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row.currency] += getattr(row, field)
    return ", ".join(f"{currency} {minor / 100:.2f}" for currency, minor in sorted(sums.items()))
