"""Turns what happens into events with identity, time and cause. Nothing is decided here."""

from contracts.domain import (
    DRIVER_PROFILES,
    DRIVER_STATUS,
    PAYMENTS,
    RATINGS,
    RIDER_PROFILES,
    SURGE_UPDATES,
    TRIPS,
)
from contracts.events import (
    DriverProfile,
    DriverStatus,
    DriverStatusEvent,
    EntityType,
    Payment,
    PaymentMethod,
    Rating,
    RiderProfile,
    SurgeUpdate,
    TripEvent,
)
from sim.domain.tariff import Settlement
from sim.domain.trip import Trip
from sim.engine.agents import Driver, Rider
from sim.engine.sink import EventSink
from sim.engine.stamping import Stamper, TimeText
from sim.policies.surge import ZoneCounts

CURRENCY = "BRL"


class Reporter:
    """Makes events and hands them to the sink. Every method returns the id of the event it made."""

    def __init__(self, stamper: Stamper, sink: EventSink) -> None:
        self._stamper = stamper
        self._sink = sink
        self._time_text = TimeText()
        self._run_id = stamper.run_id

    def trip(self, trip: Trip, now_ms: int, cause_id: str | None) -> str:
        """Report the state that a trip has just reached."""
        event_id, at_ms = self._stamper.stamp(TRIPS.name, trip.trip_id, now_ms)
        event = TripEvent(
            event_id=event_id,
            event_type="trip_state_changed",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            correlation_id=trip.trip_id,
            causation_id=cause_id,
            trip_id=trip.trip_id,
            state=trip.state,
            previous_state=trip.previous_state,
            rider_id=trip.rider_id,
            driver_id=trip.driver_id,
            pickup=trip.pickup,
            dropoff=trip.dropoff,
            offer_sequence=trip.offer_sequence,
            surge_multiplier=trip.surge_multiplier,
            currency=CURRENCY,
            fare_minor=trip.fare_minor,
            distance_m=trip.distance_m,
            duration_s=trip.duration_s,
            pickup_eta_s=trip.pickup_eta_s,
            cancelled_by=trip.cancelled_by,
            cancel_reason=trip.cancel_reason,
        )
        self._sink.emit(TRIPS, trip.trip_id, event, at_ms)
        if trip.is_final:
            self._stamper.forget(TRIPS.name, trip.trip_id)
        return event_id

    def driver_status(
        self,
        driver: Driver,
        previous: DriverStatus | None,
        point: tuple[float, float],
        now_ms: int,
        cause_id: str | None,
    ) -> str:
        """Report what a driver does now and where."""
        event_id, at_ms = self._stamper.stamp(DRIVER_STATUS.name, driver.driver_id, now_ms)
        event = DriverStatusEvent(
            event_id=event_id,
            event_type="driver_status_changed",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            correlation_id=driver.trip_id,
            causation_id=cause_id,
            driver_id=driver.driver_id,
            previous_status=previous,
            status=driver.status,
            lat=point[0],
            lon=point[1],
            zone_id=driver.zone_id,
        )
        self._sink.emit(DRIVER_STATUS, driver.driver_id, event, at_ms)
        return event_id

    def surge(
        self, zone_id: int, previous: float, multiplier: float, counts: ZoneCounts, now_ms: int
    ) -> str:
        """Report a zone's new multiplier."""
        key = str(zone_id)
        event_id, at_ms = self._stamper.stamp(SURGE_UPDATES.name, key, now_ms)
        event = SurgeUpdate(
            event_id=event_id,
            event_type="surge_updated",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            zone_id=zone_id,
            previous_multiplier=previous,
            multiplier=multiplier,
            open_requests=counts.open_requests,
            idle_drivers=counts.idle_drivers,
        )
        self._sink.emit(SURGE_UPDATES, key, event, at_ms)
        return event_id

    def payment(
        self,
        trip: Trip,
        driver_id: str,
        method: PaymentMethod,
        settlement: Settlement,
        tip_minor: int,
        now_ms: int,
        cause_id: str,
    ) -> str:
        """Report the settlement of a completed trip."""
        event_id, at_ms = self._stamper.stamp(PAYMENTS.name, trip.trip_id, now_ms)
        event = Payment(
            event_id=event_id,
            event_type="payment_settled",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            correlation_id=trip.trip_id,
            causation_id=cause_id,
            payment_id=self._stamper.derive(f"payment/{trip.trip_id}"),
            trip_id=trip.trip_id,
            rider_id=trip.rider_id,
            driver_id=driver_id,
            method=method,
            fare_minor=settlement.fare_minor,
            fee_minor=settlement.fee_minor,
            payout_minor=settlement.payout_minor,
            tip_minor=tip_minor,
            currency=CURRENCY,
        )
        self._sink.emit(PAYMENTS, trip.trip_id, event, at_ms)
        self._stamper.forget(PAYMENTS.name, trip.trip_id)
        return event_id

    def rating(
        self, trip: Trip, driver_id: str, rater: EntityType, stars: int, now_ms: int, cause_id: str
    ) -> str:
        """Report the stars that one side gives the other."""
        event_id, at_ms = self._stamper.stamp(RATINGS.name, trip.trip_id, now_ms)
        by_rider = rater is EntityType.RIDER
        event = Rating(
            event_id=event_id,
            event_type="trip_rated",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            correlation_id=trip.trip_id,
            causation_id=cause_id,
            trip_id=trip.trip_id,
            rater=rater,
            rater_id=trip.rider_id if by_rider else driver_id,
            ratee=EntityType.DRIVER if by_rider else EntityType.RIDER,
            ratee_id=driver_id if by_rider else trip.rider_id,
            stars=stars,
        )
        self._sink.emit(RATINGS, trip.trip_id, event, at_ms)
        return event_id

    def rated(self, trip: Trip) -> None:
        """Note that a trip gets no more ratings."""
        self._stamper.forget(RATINGS.name, trip.trip_id)

    def driver_profile(self, driver: Driver, is_new: bool, now_ms: int) -> str:
        """Report a driver's profile as it is now."""
        event_id, at_ms = self._stamper.stamp(DRIVER_PROFILES.name, driver.driver_id, now_ms)
        event = DriverProfile(
            event_id=event_id,
            event_type="driver_profile_created" if is_new else "driver_profile_updated",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            driver_id=driver.driver_id,
            display_name=driver.display_name,
            vehicle_class=driver.vehicle_class,
            home_zone_id=driver.home_zone_id,
            dna=driver.dna,
        )
        self._sink.emit(DRIVER_PROFILES, driver.driver_id, event, at_ms)
        return event_id

    def rider_profile(self, rider: Rider, is_new: bool, now_ms: int) -> str:
        """Report a rider's profile as it is now."""
        event_id, at_ms = self._stamper.stamp(RIDER_PROFILES.name, rider.rider_id, now_ms)
        event = RiderProfile(
            event_id=event_id,
            event_type="rider_profile_created" if is_new else "rider_profile_updated",
            schema_version=1,
            event_time=self._time_text.of(at_ms),
            run_id=self._run_id,
            rider_id=rider.rider_id,
            display_name=rider.display_name,
            dna=rider.dna,
        )
        self._sink.emit(RIDER_PROFILES, rider.rider_id, event, at_ms)
        return event_id
