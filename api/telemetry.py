"""Counters and gauges of this process, named by the contracts, in a registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contracts import metrics
from contracts.metrics import Metric


class Telemetry:
    """What the API counts. One instance per process, given to those who count."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter(metrics.API_REQUESTS)
        self.latency = Histogram(
            metrics.API_LATENCY.name,
            metrics.API_LATENCY.help,
            metrics.API_LATENCY.labels,
            buckets=metrics.LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        clients = metrics.API_CLIENTS
        self.clients = Gauge(clients.name, clients.help, registry=self.registry)
        self.overwritten = self._counter(metrics.API_OVERWRITTEN)
        self.live_messages = self._counter(metrics.API_LIVE_MESSAGES)
        self.live_losses = self._counter(metrics.API_LIVE_LOSSES)
        self.undecodable = self._counter(metrics.API_UNDECODABLE)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)
