// Rendered from contracts by `make contracts`; do not edit.

/** The ten states of a trip. */
export type TripState =
  | "REQUESTED"
  | "OFFER_SENT"
  | "OFFER_EXPIRED"
  | "OFFER_REJECTED"
  | "MATCHED"
  | "DRIVER_EN_ROUTE"
  | "DRIVER_ARRIVED"
  | "STARTED"
  | "COMPLETED"
  | "CANCELLED";

/** What a driver is doing. */
export type DriverStatus =
  | "offline"
  | "available"
  | "en_route"
  | "at_pickup"
  | "on_trip";

/** Who sends a GPS ping. */
export type EntityType =
  | "driver"
  | "rider";

/** What is wrong. */
export type AnomalyKind =
  | "outlier"
  | "impossible_speed"
  | "zombie_driver"
  | "frozen_gps";

/** Whether an anomaly has begun or ended; a single bad ping only begins. */
export type AnomalyPhase =
  | "raised"
  | "cleared";

/** How much an anomaly asks for: a look some time, or somebody now. */
export type Severity =
  | "warning"
  | "critical";

/** The newest position of one driver or rider. Record of `rideshare.live_positions`. */
export interface Position {
  entity_id: string;
  entity_type: EntityType;
  /** degrees north, WGS 84 */
  lat: number;
  /** degrees east, WGS 84 */
  lon: number;
  /** kilometres per hour */
  speed_kmh: number;
  /** degrees clockwise from north */
  heading_deg: number;
  driver_status: DriverStatus | null;
  trip_id: string | null;
  /** count */
  seq: number;
  /** epoch milliseconds, UTC */
  event_time_ms: number;
  event_id: string;
  run_id: string;
}

/** Newest positions of one coarse cell within one frame of at most 100 ms of wall time. */
export interface PositionFrame {
  cell: string;
  positions: Position[];
}

/** One zone at the end of one window. */
export interface ZoneMetrics {
  /** code of a zone */
  zone_id: number;
  /** epoch milliseconds, UTC */
  window_start_ms: number;
  /** epoch milliseconds, UTC */
  window_end_ms: number;
  /** count */
  open_requests: number;
  /** count */
  idle_drivers: number;
  ratio: number;
  smoothed_ratio: number;
  /** price multiplier */
  multiplier: number;
  /** count */
  late_records: number;
  run_id: string;
  /** share, 0 to 1 */
  acceptance?: number | null;
  /** seconds */
  mean_pickup_eta_s?: number | null;
}

/** One thing wrong with the positions of an entity. Record of `rideshare.anomalies`. */
export interface Anomaly {
  anomaly_id: string;
  kind: AnomalyKind;
  phase: AnomalyPhase;
  severity: Severity;
  /** count */
  rule_version: number;
  reason: string;
  entity_id: string;
  entity_type: EntityType;
  /** epoch milliseconds, UTC */
  event_time_ms: number;
  run_id: string;
  event_id?: string | null;
  /** degrees north, WGS 84 */
  lat?: number | null;
  /** degrees east, WGS 84 */
  lon?: number | null;
  /** metres */
  accuracy_m?: number | null;
  /** epoch milliseconds, UTC */
  previous_event_time_ms?: number | null;
  /** degrees north, WGS 84 */
  previous_lat?: number | null;
  /** degrees east, WGS 84 */
  previous_lon?: number | null;
  /** metres */
  distance_m?: number | null;
  /** kilometres per hour */
  speed_kmh?: number | null;
  /** count */
  lasted_ms?: number | null;
}

/** One region and one 1-minute tumbling window of taxi trips. Record of `taxi.region_windows`. */
export interface RegionWindow {
  /** code of a zone */
  region_id: number;
  /** epoch milliseconds, UTC */
  window_start_ms: number;
  /** epoch milliseconds, UTC */
  window_end_ms: number;
  /** count */
  trip_count: number;
  average_fare_minor: number;
  /** metres */
  total_distance_m: number;
  /** seconds */
  average_duration_s: number;
  /** seconds */
  p50_duration_s: number;
  /** seconds */
  p95_duration_s: number;
  /** ISO 4217 code */
  currency: string;
  is_final?: boolean;
  /** seconds */
  p99_duration_s?: number | null;
}

/** Bounding box in degrees; west <= east, south <= north. */
export interface Viewport {
  /** degrees east, WGS 84 */
  west: number;
  /** degrees north, WGS 84 */
  south: number;
  /** degrees east, WGS 84 */
  east: number;
  /** degrees north, WGS 84 */
  north: number;
}

/** First message after a subscription: everything in view, as of `sequence`. */
export interface Snapshot {
  type: "snapshot";
  sequence: number;
  /** epoch milliseconds, UTC */
  server_time_ms: number;
  positions: Position[];
  zones: ZoneMetrics[];
  anomalies: Anomaly[];
}

/** What changed since the message with `sequence - 1`: newest value per entity wins. */
export interface Delta {
  type: "delta";
  sequence: number;
  /** epoch milliseconds, UTC */
  server_time_ms: number;
  positions: Position[];
  zones: ZoneMetrics[];
  anomalies: Anomaly[];
  removed: string[];
  removed_anomalies: string[];
}

/** A client message that could not be followed, and what to do. */
export interface Problem {
  type: "error";
  message: string;
}

/** Client message: which channels, and which part of the map (no viewport: everything). */
export interface Subscribe {
  type: "subscribe";
  channels: ("anomalies" | "positions" | "surge")[];
  viewport?: Viewport | null;
  anomalies_everywhere?: boolean;
}

/** What the server sends. */
export type ServerMessage = Snapshot | Delta | Problem;

/** What a client may send. */
export type ClientMessage = Subscribe;
