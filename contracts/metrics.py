"""Metric names, `farol_<part>_<noun>_<unit>`, with their kind, labels and help text.

Parts create their Prometheus metrics from these, dashboards and alerts query no other names.
Counters end in `_total`.
"""

from dataclasses import dataclass
from typing import Final, Literal

MetricKind = Literal["counter", "gauge", "histogram"]
LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of every latency histogram, in seconds.

The promises of the design (150 and 500 ms) lie inside.
"""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `labels` are the names of its labels, in the order in which values are given."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()


SIM_EVENTS: Final = Metric(
    "farol_sim_events_total",
    "counter",
    "Records sent, by topic and kind (clean, duplicate, malformed, control).",
    ("topic", "kind"),
)
SIM_CLOCK_LAG: Final = Metric(
    "farol_sim_clock_lag_seconds",
    "gauge",
    "Wall time by which the simulated clock is behind the pace it should keep.",
)
SIM_TRIPS: Final = Metric(
    "farol_sim_trips_count", "gauge", "Trips that are now in a state, by state.", ("state",)
)
FEEDER_RECORDS: Final = Metric(
    "farol_feeder_records_total", "counter", "Records read from Kafka, by topic.", ("topic",)
)
FEEDER_MALFORMED: Final = Metric(
    "farol_feeder_malformed_total",
    "counter",
    "Records that could not be decoded and were passed over, by topic.",
    ("topic",),
)
FEEDER_STALE: Final = Metric(
    "farol_feeder_stale_total",
    "counter",
    "Records dropped because Redis already holds the same or a newer value, by topic.",
    ("topic",),
)
FEEDER_FRAMES: Final = Metric(
    "farol_feeder_frames_total", "counter", "Frames written to Redis and published."
)
FEEDER_POSITION_FRAMES: Final = Metric(
    "farol_feeder_position_frames_total",
    "counter",
    "Messages with positions published, one per coarse cell and frame; records read of the topic "
    "of positions over these is the reduction.",
)
FEEDER_REDIS_ERRORS: Final = Metric(
    "farol_feeder_redis_errors_total",
    "counter",
    "Writes to Redis that failed and were tried again.",
)
FEEDER_KAFKA_ERRORS: Final = Metric(
    "farol_feeder_kafka_errors_total",
    "counter",
    "Errors that the Kafka client reported and recovers from by itself.",
)
FEEDER_EXPIRED: Final = Metric(
    "farol_feeder_expired_total", "counter", "Silent entities removed from Redis."
)
FEEDER_LAG: Final = Metric(
    "farol_feeder_lag_records",
    "gauge",
    "Records behind the end of the topic, by topic and partition.",
    ("topic", "partition"),
)
KEEPER_JOB_UP: Final = Metric(
    "farol_keeper_job_up_ratio", "gauge", "1 while the job runs, else 0, by job.", ("job",)
)
KEEPER_JOB_RESTARTS: Final = Metric(
    "farol_keeper_job_restarts_count",
    "gauge",
    "Restarts of the job inside Flink since it was submitted last, by job.",
    ("job",),
)
KEEPER_RESUBMISSIONS: Final = Metric(
    "farol_keeper_resubmissions_total",
    "counter",
    "Times a job that was gone was submitted again, by job.",
    ("job",),
)
KEEPER_JOB_HEALTHY: Final = Metric(
    "farol_keeper_job_healthy_ratio",
    "gauge",
    "0 while a wanted job is missing, stuck or restarts again and again, else 1, by job.",
    ("job",),
)
KEEPER_JOB_RECORDS: Final = Metric(
    "farol_keeper_job_records_count",
    "gauge",
    "Records since the job started or restarted last, by job and kind"
    " (in, out, late, duplicate, dlq).",
    ("job", "kind"),
)
KEEPER_JOB_LAG: Final = Metric(
    "farol_keeper_job_lag_records", "gauge", "Records that the job has not read, by job.", ("job",)
)
KEEPER_JOB_WATERMARK_LAG: Final = Metric(
    "farol_keeper_job_watermark_lag_seconds",
    "gauge",
    "Wall clock minus the least advanced watermark of the job, by job.",
    ("job",),
)
KEEPER_JOB_CHECKPOINT_AGE: Final = Metric(
    "farol_keeper_job_checkpoint_age_seconds",
    "gauge",
    "Wall time since the newest complete checkpoint of the job, by job.",
    ("job",),
)
JOB_EVENTS: Final = Metric(
    "farol_job_events_total", "counter", "Events that a job has taken into account."
)
JOB_LATE: Final = Metric("farol_job_late_total", "counter", "Events that came too late for a job.")
JOB_DUPLICATES: Final = Metric(
    "farol_job_duplicates_total", "counter", "Copies of events that a job has dropped."
)
JOB_PASSED_OVER: Final = Metric(
    "farol_job_passed_over_total",
    "counter",
    "Records that a job has passed over, by reason without its path.",
    ("reason",),
)
JOB_MISPLACED: Final = Metric(
    "farol_job_misplaced_changes_total",
    "counter",
    "Changes whose tick had passed: impossible, and watched for.",
)
JOB_TRIPS_COMPLETE: Final = Metric(
    "farol_job_complete_trips_total", "counter", "Trips that a job gave out with all their parts."
)
JOB_TRIPS_INCOMPLETE: Final = Metric(
    "farol_job_incomplete_trips_total",
    "counter",
    "Trips that a job gave out with what is missing, for the first time or again.",
)
JOB_CANDIDATES: Final = Metric(
    "farol_job_candidates_total",
    "counter",
    "Pings of windows that a job could not pass over, judged one by one.",
)
JOB_ANOMALIES: Final = Metric(
    "farol_job_anomalies_total", "counter", "Anomalies that a job has raised or cleared."
)
API_REQUESTS: Final = Metric(
    "farol_api_requests_total",
    "counter",
    "HTTP requests answered, by method, route and status code.",
    ("method", "route", "status"),
)
API_LATENCY: Final = Metric(
    "farol_api_latency_seconds",
    "histogram",
    "Time to answer a HTTP request, by method and route.",
    ("method", "route"),
)
API_CLIENTS: Final = Metric(
    "farol_api_websocket_clients_count", "gauge", "WebSocket clients connected now."
)
API_OVERWRITTEN: Final = Metric(
    "farol_api_overwritten_values_total",
    "counter",
    "Values that a client did not get because newer ones of the same entity replaced them first.",
)
API_LIVE_MESSAGES: Final = Metric(
    "farol_api_live_messages_total", "counter", "Messages heard on the live channels of Redis."
)
API_LIVE_LOSSES: Final = Metric(
    "farol_api_live_losses_total", "counter", "Times the subscription to the live channels broke."
)
API_UNDECODABLE: Final = Metric(
    "farol_api_undecodable_values_total",
    "counter",
    "Values in Redis that do not fit their contract and were passed over, by kind.",
    ("kind",),
)
INGEST_DLQ: Final = Metric(
    "farol_ingest_dlq_total",
    "counter",
    "Malformed records written to the DLQ, by topic and reason without its path.",
    ("topic", "reason"),
)
METRICS: Final = (
    SIM_EVENTS,
    SIM_CLOCK_LAG,
    SIM_TRIPS,
    FEEDER_RECORDS,
    FEEDER_MALFORMED,
    FEEDER_STALE,
    FEEDER_FRAMES,
    FEEDER_POSITION_FRAMES,
    FEEDER_REDIS_ERRORS,
    FEEDER_KAFKA_ERRORS,
    FEEDER_EXPIRED,
    FEEDER_LAG,
    KEEPER_JOB_UP,
    KEEPER_JOB_RESTARTS,
    KEEPER_RESUBMISSIONS,
    KEEPER_JOB_HEALTHY,
    KEEPER_JOB_RECORDS,
    KEEPER_JOB_LAG,
    KEEPER_JOB_WATERMARK_LAG,
    KEEPER_JOB_CHECKPOINT_AGE,
    JOB_EVENTS,
    JOB_LATE,
    JOB_DUPLICATES,
    JOB_PASSED_OVER,
    JOB_MISPLACED,
    JOB_TRIPS_COMPLETE,
    JOB_TRIPS_INCOMPLETE,
    JOB_CANDIDATES,
    JOB_ANOMALIES,
    API_REQUESTS,
    API_LATENCY,
    API_CLIENTS,
    API_OVERWRITTEN,
    API_LIVE_MESSAGES,
    API_LIVE_LOSSES,
    API_UNDECODABLE,
    INGEST_DLQ,
)
