import msgspec
import pytest

from contracts.events import (
    CancelledBy,
    CancelReason,
    DriverStatus,
    DriverStatusEvent,
    Payment,
    PaymentMethod,
    Place,
    TripEvent,
    TripState,
)
from sim.control.summary import LABELS, table
from sim.domain.kpis import KpiMeter, Kpis, quantile

ENVELOPE = {"event_id": "e", "schema_version": 1, "event_time": "2026-03-02T09:00:00.000Z"}
SE = Place(lat=-23.55, lon=-46.63, zone_id=78, h3="88a8100c5bfffff")


def _trip(trip_id, state, **fields):
    return TripEvent(
        **ENVELOPE,
        run_id="r",
        event_type="trip_state_changed",
        trip_id=trip_id,
        state=state,
        previous_state=None,
        rider_id="rider-1",
        driver_id=None,
        pickup=SE,
        dropoff=SE,
        offer_sequence=1,
        currency="BRL",
        **({"surge_multiplier": 1.0} | fields),
    )


def _status(status):
    return DriverStatusEvent(
        **ENVELOPE,
        run_id="r",
        event_type="driver_status_changed",
        driver_id="driver-1",
        previous_status=None,
        status=status,
        lat=-23.55,
        lon=-46.63,
        zone_id=78,
    )


@pytest.fixture
def meter():
    """One hour: a trip of 30 minutes, four requests that come to nothing."""
    meter = KpiMeter()
    timeline = [
        (0, _status(DriverStatus.AVAILABLE)),
        (10, _trip("a", TripState.REQUESTED, surge_multiplier=1.5)),
        (10, _trip("a", TripState.OFFER_SENT)),
        (11, _trip("a", TripState.MATCHED)),
        (12, _status(DriverStatus.EN_ROUTE)),
        (16, _trip("a", TripState.DRIVER_ARRIVED)),
        (16, _status(DriverStatus.AT_PICKUP)),
        (18, _status(DriverStatus.ON_TRIP)),
        (48, _trip("a", TripState.COMPLETED, distance_m=9000.0, duration_s=1800.0)),
        (48, _status(DriverStatus.AVAILABLE)),
    ]
    for trip_id, by, reason in (
        ("b", CancelledBy.RIDER, CancelReason.RIDER_CHANGED_MIND),
        ("c", CancelledBy.RIDER, CancelReason.RIDER_PATIENCE),
        ("d", CancelledBy.DRIVER, CancelReason.RIDER_NO_SHOW),
        ("e", CancelledBy.DRIVER, CancelReason.DRIVER_CANCELLED),
    ):
        timeline.append((50, _trip(trip_id, TripState.REQUESTED)))
        if by is CancelledBy.DRIVER:
            timeline.append((50, _trip(trip_id, TripState.MATCHED)))
        end = _trip(trip_id, TripState.CANCELLED, cancelled_by=by, cancel_reason=reason)
        timeline.append((51, end))
    timeline.append((60, _status(DriverStatus.OFFLINE)))
    for minute, event in timeline:
        meter.take(event, minute * 60_000)
    meter.take(
        Payment(
            **ENVELOPE,
            run_id="r",
            event_type="payment_settled",
            payment_id="p",
            trip_id="a",
            rider_id="rider-1",
            driver_id="driver-1",
            method=PaymentMethod.PIX,
            fare_minor=2000,
            fee_minor=500,
            payout_minor=1500,
            tip_minor=0,
            currency="BRL",
        ),
        49 * 60_000,
    )
    return meter


def test_figures_are_those_of_the_hour(meter):
    kpis = meter.kpis(120 * 60_000)
    assert (kpis.requests, kpis.completed, kpis.completion_share) == (5, 1, 0.2)
    assert kpis.cancelled_by_rider_share == kpis.cancelled_by_driver_share == 0.2
    assert kpis.no_show_share == kpis.cancelled_without_driver_share == 0.2
    # one of the three that had a driver
    assert kpis.matched_cancelled_share == 0.3333
    assert (kpis.wait_p50_s, kpis.match_p50_s) == (360.0, 0.0)
    assert kpis.utilisation_share == 0.6
    assert kpis.occupancy_share == 0.5
    assert kpis.trips_per_online_hour == 1.0
    assert (kpis.trip_mean_m, kpis.trip_mean_s) == (9000.0, 1800.0)
    assert (kpis.revenue_minor, kpis.fee_minor) == (2000, 500)
    assert (kpis.surge_share, kpis.surge_mean) == (0.2, 1.1)


def test_asking_twice_counts_once(meter):
    assert meter.kpis(120 * 60_000) == meter.kpis(120 * 60_000)


def test_an_empty_city_has_figures_too():
    kpis = KpiMeter().kpis(0)
    assert set(msgspec.structs.astuple(kpis)) == {0}


def test_quantiles_are_of_the_nearest_rank():
    assert quantile([], 0.5) == 0
    assert quantile([5.0], 0.9) == 5
    assert quantile([float(n) for n in range(100)], 0.9) == 90
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2


def test_every_figure_has_a_label(meter):
    assert tuple(LABELS) == Kpis.__struct_fields__
    text = table(meter.kpis(0))
    assert "completion" in text
    assert "20.0%" in text
