"""A small city whose log holds each kind of anomaly once, and the alerts that tell them."""

import random
from collections.abc import Iterable

import msgspec

from contracts.anomalies import AnomalyPhase
from contracts.domain import DRIVER_STATUS, GPS_PINGS
from contracts.events import DriverStatus
from contracts.live import Anomaly
from deploy.audit.anomalies.judged import Judged, judge
from deploy.audit.checks.alerts import AlertRecords, Alerts, identity_of
from deploy.audit.log import TopicLog
from tests.gps_city import START_MS, GpsCity, Lane
from tests.unit.audit.kit import RUN, Sent, log_of

LAT, LON = -23.55, -46.63
END_MS = START_MS + 40 * 60_000


def log(lanes: dict[Lane, list[bytes | None]], topic: str) -> TopicLog:
    return log_of(
        [
            Sent(partition, offset, value)
            for (name, partition), values in lanes.items()
            if name == topic
            for offset, value in enumerate(values)
        ],
        topic,
    )


def small_city() -> GpsCity:
    """Return drivers who drive, jump, are silent, stand still, know not where they are."""
    city = GpsCity(RUN, random.Random(3))
    for driver in ("jumper", "silent", "frozen", "blurred"):
        city.status(driver, START_MS, DriverStatus.ON_TRIP)
        for number, at_ms in enumerate(range(START_MS + 1_000, END_MS, 20_000)):
            minute = (at_ms - START_MS) / 60_000
            if driver == "silent" and 5 < minute < 17:
                continue
            lat = LAT + number * 1e-4
            if driver == "frozen" and 10 < minute < 13:
                lat = LAT
            if driver == "jumper" and number == 30:
                lat += 0.1
            accuracy_m = 400.0 if driver == "blurred" and number == 90 else 5.0
            city.ping(driver, at_ms, lat, LON, accuracy_m=accuracy_m)
    city.end(END_MS)
    return city


def judged_of(city: GpsCity) -> tuple[TopicLog, Judged]:
    """Return the log of pings and what the rules say."""
    lanes = city.lanes()
    pings = log(lanes, GPS_PINGS.name)
    return pings, judge(RUN, pings, log(lanes, DRIVER_STATUS.name))


def told(judged: Judged) -> list[Anomaly]:
    """Return the alerts as a job would tell them: with identifiers, an end as its beginning."""
    found, open_ = [], dict[tuple[str, str], str]()
    for number, alert in enumerate(judged.alerts):
        lasting = (alert.kind.value, alert.entity_id)
        identifier = f"a{number}"
        if alert.phase is AnomalyPhase.CLEARED:
            identifier = open_[lasting]
        open_[lasting] = identifier
        found.append(msgspec.structs.replace(alert, anomaly_id=identifier))
    return found


def topic_of(alerts: Iterable[Anomaly], partitions: int = 2) -> Alerts:
    """Return the topic with these records, in this order."""
    records = AlertRecords(RUN)
    for number, alert in enumerate(alerts):
        partition = sum(map(ord, identity_of(alert)[0])) % partitions
        records.add(alert, partition, 1_000 + number)
    return records.alerts()
