"""A topic in memory, and rows in both header forms."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from contracts.domain import HEADER_RUN_ID
from contracts.ledger import RecordKind
from sim.replay.run import Headers
from sim.replay.sent import Sent

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
class SentRecord:
    kind: RecordKind
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None


@dataclass
class MemoryTopic:
    """Keeps what it is sent; `on_send` may raise like a broker that went away."""

    partitions: tuple[int, ...] = (0, 1, 2, 3)
    records: list[SentRecord] = field(default_factory=list)
    on_send: Callable[[int], None] | None = None
    earlier: int = 0
    """Records that another process has sent: this one had no confirmation of them."""

    def end_offsets(self) -> dict[int, int]:
        return dict.fromkeys(self.partitions, len(self.records))

    def send(
        self,
        kind: RecordKind,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        if self.on_send is not None:
            self.on_send(len(self.records))
        self.records.append(SentRecord(kind, key, value, headers, partition))

    def sent(self, run_id: str, first_offsets: Mapping[int, int]) -> Sent:
        own = [r for r in self.records if (HEADER_RUN_ID, run_id.encode()) in r.headers]
        traces = [str(dict(r.headers)["traceparent"], "ascii") for r in own if r.kind != "control"]
        controls = sum(r.kind == "control" for r in own)
        return Sent(b"".join(bytes.fromhex(trace[3:35]) for trace in traces), controls)

    def poll(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def confirmed(self) -> Mapping[str, int]:
        return Counter(record.kind for record in self.records[self.earlier :])


def row(**changes: str) -> list[str]:
    """Return a good row with some cells changed, named as in the header of 2019."""
    cells = list(ROW)
    for name, value in changes.items():
        cells[TLC_HEADER.index(name)] = value
    return cells
