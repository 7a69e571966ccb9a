"""What the feeder counts, made from `contracts.metrics`."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from contracts import metrics
from contracts.metrics import Metric


class Telemetry:
    """Counters and gauges of one feeder, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = self._counter(metrics.FEEDER_RECORDS)
        self.malformed = self._counter(metrics.FEEDER_MALFORMED)
        self.stale = self._counter(metrics.FEEDER_STALE)
        self.frames = self._counter(metrics.FEEDER_FRAMES)
        self.position_frames = self._counter(metrics.FEEDER_POSITION_FRAMES)
        self.redis_errors = self._counter(metrics.FEEDER_REDIS_ERRORS)
        self.kafka_errors = self._counter(metrics.FEEDER_KAFKA_ERRORS)
        self.expired = self._counter(metrics.FEEDER_EXPIRED)
        lag = metrics.FEEDER_LAG
        self.lag = Gauge(lag.name, lag.help, lag.labels, registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)
