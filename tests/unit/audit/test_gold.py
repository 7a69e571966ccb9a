from deploy.audit.checks.gold import (
    PaymentRow,
    TripRow,
    check_is_complete,
    check_payments,
    check_trips,
    check_trips_end,
    final_states,
)
from deploy.audit.ledger import Money, Transition
from deploy.audit.report import Check, Verdict

TRANSITIONS = [
    Transition("e1", "t1", "REQUESTED", 1, 7, None),
    Transition("e3", "t1", "COMPLETED", 9, 7, 1550),
    Transition("e2", "t1", "MATCHED", 5, 7, None),
    Transition("e4", "t2", "REQUESTED", 2, None, 900),
    Transition("e5", "t2", "CANCELLED", 3, None, 900),
]
TRIPS = [TripRow("t1", "COMPLETED", 1550), TripRow("t2", "CANCELLED", None)]
MONEY = [
    Money("m1", "p1", "t1", 1550, 387, 1163, 100, "BRL"),
    Money("m2", "p2", "t2", 700, 175, 525, 0, "BRL"),
]
PAYMENTS = [PaymentRow._make(money[1:]) for money in MONEY]


def failing(checks: list[Check]) -> list[str]:
    return [check.subject for check in checks if check.verdict != Verdict.OK]


def test_the_newest_transition_is_the_state_and_completion_has_the_fare() -> None:
    assert list(final_states(TRANSITIONS).values()) == TRIPS


def test_true_trips_are_ok_state_by_state() -> None:
    checks = check_trips(TRANSITIONS, TRIPS)
    assert failing(checks) == []
    assert [c.subject for c in checks][1:] == [
        "gold.fact_trips: CANCELLED",
        "gold.fact_trips: COMPLETED",
    ]


def test_a_lost_trip_fails_its_state_too() -> None:
    checks = check_trips(TRANSITIONS, TRIPS[:1])
    assert failing(checks) == ["gold.fact_trips", "gold.fact_trips: CANCELLED"]
    assert checks[0].offenders == ("t2 missing",)


def test_a_doubled_an_unknown_and_a_wrong_trip_are_named() -> None:
    assert check_trips(TRANSITIONS, [*TRIPS, TRIPS[0]])[0].offenders == ("t1 more than once: 2",)
    stranger = TripRow("t9", "CANCELLED", None)
    assert check_trips(TRANSITIONS, [*TRIPS, stranger])[0].offenders == ("t9 unknown",)
    stuck = check_trips(TRANSITIONS, [TripRow("t1", "MATCHED", None), TRIPS[1]])
    assert stuck[0].offenders == ("t1 is MATCHED None, truly COMPLETED 1550",)


def test_a_wrong_fare_is_named_though_all_states_are_right() -> None:
    checks = check_trips(TRANSITIONS, [TripRow("t1", "COMPLETED", 1551), TRIPS[1]])
    assert failing(checks) == ["gold.fact_trips"]


def test_a_trip_without_an_end_and_one_with_two_are_named() -> None:
    assert check_trips_end(TRANSITIONS).verdict == Verdict.OK
    open_ = check_trips_end([*TRANSITIONS, Transition("e6", "t3", "STARTED", 4, 1, None)])
    assert open_.offenders == ("t3 is STARTED",)
    twice = check_trips_end([*TRANSITIONS, Transition("e6", "t2", "COMPLETED", 4, 1, 5)])
    assert twice.offenders == ("t2 ended more than once",)


def test_true_payments_are_ok_and_their_sums_shown() -> None:
    checks = check_payments(MONEY, PAYMENTS)
    assert failing(checks) == []
    assert "BRL 22.50" in {check.actual for check in checks}


def test_one_centavo_too_much_fails_the_payment_the_sum_and_the_balance() -> None:
    wrong = [PAYMENTS[0]._replace(fare_minor=1551), PAYMENTS[1]]
    assert failing(check_payments(MONEY, wrong)) == [
        "gold.fact_payments",
        "gold.fact_payments: sum of fare_minor",
        "gold.fact_payments: fare = fee + payout",
    ]


def test_centavos_moved_between_payments_keep_the_sums_and_are_still_found() -> None:
    moved = [
        PAYMENTS[0]._replace(tip_minor=99),
        PAYMENTS[1]._replace(tip_minor=1),
    ]
    checks = check_payments(MONEY, moved)
    assert failing(checks) == ["gold.fact_payments"]
    assert len(checks[0].offenders) == 2


def test_a_lost_and_a_doubled_payment_are_named() -> None:
    assert check_payments(MONEY, PAYMENTS[1:])[0].offenders == ("p1 missing",)
    doubled = check_payments(MONEY, [*PAYMENTS, PAYMENTS[0]])
    assert doubled[0].offenders == ("p1 more than once: 2",)


def test_no_table_is_not_built_and_an_old_build_is_behind() -> None:
    assert [c.verdict for c in check_trips(TRANSITIONS, None)] == [Verdict.NOT_BUILT]
    assert [c.verdict for c in check_payments(MONEY, None)] == [Verdict.NOT_BUILT]
    assert check_is_complete("gold.fact_trips", 5, 5).verdict == Verdict.OK
    assert check_is_complete("gold.fact_trips", 5, 4).verdict == Verdict.BEHIND
