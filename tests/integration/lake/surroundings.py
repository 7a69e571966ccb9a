"""What a made-up run has beside trips and pings: profiles, ratings, surge, taxi trips."""

import random
from typing import Final

from contracts import domain, events
from contracts.events import EntityType, PaymentMethod
from tests.integration.lake.records import ENCODER, START_MS, Run

DRIVERS: Final = 50
RIDERS: Final = 70
_HOUR_MS: Final = 3_600_000


def surroundings(run: Run, seed: int, trips: int) -> None:
    """Add to a run what happens around its trips, in the order of event time per kind."""
    rng = random.Random(f"surroundings/{seed}")
    for number in range(DRIVERS):
        for moment_ms, vehicle_class in _versions(rng, ("economy", "comfort", "van")):
            _send_driver(run, number, moment_ms, vehicle_class)
    for number in range(RIDERS):
        for moment_ms, method in _versions(rng, tuple(PaymentMethod)):
            _send_rider(run, number, moment_ms, method)
    for number in range(trips):
        if number % 6 > 1:
            _send_ratings(run, rng, number)
    for step in range(60):
        _send_surge(run, rng, step)
    for number in range(200):
        _send_taxi_trip(run, rng, number)


def _versions(rng: random.Random, choices: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return when a profile says what: from before the run, then up to three updates within it."""
    moments = sorted(rng.sample(range(START_MS, START_MS + 450_000), rng.randrange(4)))
    return [(moment, rng.choice(choices)) for moment in [START_MS - _HOUR_MS, *moments]]


def _send_driver(run: Run, number: int, moment_ms: int, vehicle_class: str) -> None:
    is_first = moment_ms < START_MS
    kind = "driver_profile_created" if is_first else "driver_profile_updated"
    profile = events.DriverProfile(
        **run.envelope(kind, moment_ms),  # type: ignore[arg-type]
        driver_id=f"driver-{number}",
        display_name=f"Driver {number}",
        vehicle_class=vehicle_class,  # type: ignore[arg-type]
        home_zone_id=number % 96 + 1,
        dna=events.DriverDna(
            acceptance_ratio=0.9,
            speed_factor=1.05,
            shift_start_hour=6,
            shift_hours=8.5,
            service_quality=0.8,
            repositioning_ratio=0.3,
            gps_noise_m=4.5,
            rating_leniency=0.6,
        ),
    )
    run.send(domain.DRIVER_PROFILES, profile.driver_id, ENCODER.encode(profile))


def _send_rider(run: Run, number: int, moment_ms: int, method: str) -> None:
    is_first = moment_ms < START_MS
    kind = "rider_profile_created" if is_first else "rider_profile_updated"
    profile = events.RiderProfile(
        **run.envelope(kind, moment_ms),  # type: ignore[arg-type]
        rider_id=f"rider-{number}",
        display_name=f'Rider "{number}" ção',
        dna=events.RiderDna(
            patience_s=240.5,
            surge_tolerance=2.0,
            cancel_ratio=0.05,
            payment_method=PaymentMethod(method),
            home_zone_id=number % 96 + 1,
            work_zone_id=5,
            rating_leniency=0.5,
        ),
    )
    run.send(domain.RIDER_PROFILES, profile.rider_id, ENCODER.encode(profile))


def _send_ratings(run: Run, rng: random.Random, number: int) -> None:
    trip_id, moment_ms = f"trip-{number}", START_MS + number * 5_000 + 60_000
    driver, rider = f"driver-{number % DRIVERS}", f"rider-{number % RIDERS}"
    sides = (
        (EntityType.RIDER, rider, EntityType.DRIVER, driver),
        (EntityType.DRIVER, driver, EntityType.RIDER, rider),
    )
    for rater, rater_id, ratee, ratee_id in sides[: rng.randrange(3)]:
        rating = events.Rating(
            **run.envelope("trip_rated", moment_ms, trip_id),  # type: ignore[arg-type]
            trip_id=trip_id,
            rater=rater,
            rater_id=rater_id,
            ratee=ratee,
            ratee_id=ratee_id,
            stars=rng.randint(1, 5),
        )
        run.send(domain.RATINGS, trip_id, ENCODER.encode(rating))


def _send_surge(run: Run, rng: random.Random, step: int) -> None:
    zone_id, moment_ms = rng.randint(1, 8), START_MS + step * 97_003
    update = events.SurgeUpdate(
        **run.envelope("surge_updated", moment_ms),  # type: ignore[arg-type]
        zone_id=zone_id,
        previous_multiplier=1.0 + rng.randrange(20) / 10,
        multiplier=1.0 + rng.randrange(20) / 10,
        open_requests=rng.randrange(30),
        idle_drivers=rng.randrange(30),
    )
    run.send(domain.SURGE_UPDATES, str(zone_id), ENCODER.encode(update))


def _send_taxi_trip(run: Run, rng: random.Random, number: int) -> None:
    moment_ms, trip_id = START_MS + rng.randrange(600_000), f"nyc-{number}"
    duration_s, distance_m = 60.0 + rng.randrange(3_000), rng.randrange(20_000) / 2
    trip = events.TaxiTrip(
        **run.envelope("taxi_trip", moment_ms, trip_id),  # type: ignore[arg-type]
        trip_id=trip_id,
        region_id=rng.randint(1, 4),
        duration_s=duration_s,
        distance_m=distance_m,
        fare_minor=rng.randrange(300, 9_000),
        currency="USD",
        total_minor=rng.choice((None, -50, 1_000)),
        tip_minor=rng.choice((None, 200)),
        payment_type=rng.choice((None, "1")),
        pickup_zone_id=rng.choice((None, 230)),
        dropoff_zone_id=48,
        passenger_count=rng.choice((None, 1, 2)),
        flags=("zero_distance",) if distance_m == 0 else (),
    )
    run.send(domain.TAXI_TRIPS, str(trip.region_id), ENCODER.encode(trip))
    part = events.TaxiTripEvent(
        **run.envelope("trip_started", moment_ms, trip_id),  # type: ignore[arg-type]
        trip_id=trip_id,
        region_id=trip.region_id,
        passenger_count=trip.passenger_count,
    )
    run.send(domain.TAXI_TRIP_EVENTS, trip_id, ENCODER.encode(part))
