"""Counters and gauges of this process, in a registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Telemetry:
    """What the API counts. One instance per process, given to those who count."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "api_requests",
            "HTTP requests by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "api_request_seconds", "Time to answer", ["route"], registry=self.registry
        )
        self.clients = Gauge("api_live_clients", "Connected WebSockets", registry=self.registry)
        self.overwritten = Counter(
            "api_live_overwritten_values",
            "Values replaced by newer ones before a client could be sent them",
            registry=self.registry,
        )
        self.live_messages = Counter(
            "api_live_messages", "Messages heard on the live channels", registry=self.registry
        )
        self.reconnects = Counter(
            "api_live_reconnects", "Losses of the live source", registry=self.registry
        )
        self.undecodable = Counter(
            "api_undecodable_values",
            "Values in Redis that do not fit their contract",
            ["kind"],
            registry=self.registry,
        )
