"""A topic in memory, and rows in both header forms."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from contracts.ledger import RecordKind
from sim.replay.run import Headers

TLC_HEADER = (
    "VendorID",
    "tpep_pickup_datetime",
    "tpep_dropoff_datetime",
    "passenger_count",
    "trip_distance",
    "PULocationID",
    "DOLocationID",
    "payment_type",
    "fare_amount",
    "tip_amount",
    "total_amount",
)
SNAKE_HEADER = (
    "vendor_id",
    "pickup_datetime",
    "dropoff_datetime",
    "passenger_count",
    "trip_distance",
    "pickup_location_id",
    "dropoff_location_id",
    "payment_type",
    "fare_amount",
    "tip_amount",
    "total_amount",
)
ROW = [
    "1",
    "2019-01-15 03:36:12",
    "2019-01-15 03:42:19",
    "1",
    "1.0",
    "230",
    "48",
    "1",
    "6.5",
    "1.95",
    "9.75",
]


@dataclass
class Sent:
    kind: RecordKind
    key: bytes | None
    value: bytes
    headers: Headers
    partition: int | None


@dataclass
class MemoryTopic:
    """Keeps what it is sent; `on_send` may raise like a broker that went away."""

    partitions: tuple[int, ...] = (0, 1, 2, 3)
    records: list[Sent] = field(default_factory=list)
    on_send: Callable[[int], None] | None = None

    def end_offsets(self) -> dict[int, int]:
        return dict.fromkeys(self.partitions, len(self.records))

    def send(
        self,
        kind: RecordKind,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        if self.on_send is not None:
            self.on_send(len(self.records))
        self.records.append(Sent(kind, key, value, headers, partition))

    def poll(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def confirmed(self) -> Mapping[str, int]:
        return Counter(record.kind for record in self.records)


def row(**changes: str) -> list[str]:
    """Return a good row with some cells changed, named as in the header of 2019."""
    cells = list(ROW)
    for name, value in changes.items():
        cells[TLC_HEADER.index(name)] = value
    return cells
