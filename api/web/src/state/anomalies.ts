/** Anomalies as people read them: which count now, how many of each, and the evidence in words. Pure. */
import type { Anomaly, AnomalyKind, Severity } from "../contracts";

/** The most urgent first. */
export const KINDS: readonly AnomalyKind[] = [
  "zombie_driver",
  "impossible_speed",
  "outlier",
  "frozen_gps",
];

export const KIND_LABELS: Readonly<Record<AnomalyKind, string>> = {
  zombie_driver: "Zombie driver",
  impossible_speed: "Impossible speed",
  outlier: "Outlier",
  frozen_gps: "Frozen GPS",
};

/** Event time after which a single bad ping leaves the map. */
export const RECENT_MS = 15 * 60_000;

/** It lasts: its end is still to come. The server forgets those whose run is over. */
export function isOpen(anomaly: Anomaly): boolean {
  return anomaly.phase === "raised" && typeof anomaly.lasted_ms === "number";
}

/** Whether it asks for attention now: open, or a single bad ping a short while ago. */
export function isCurrent(anomaly: Anomaly, nowMs: number | null): boolean {
  if (isOpen(anomaly)) return true;
  if (anomaly.phase === "cleared") return false;
  const age = ageMs(anomaly, nowMs);
  // Ahead of the clock is another run's.
  return age >= 0 && age <= RECENT_MS;
}

export function ageMs(anomaly: Anomaly, nowMs: number | null): number {
  return nowMs === null ? 0 : nowMs - anomaly.event_time_ms;
}

export interface Tally {
  readonly byKind: Readonly<Record<AnomalyKind, number>>;
  readonly bySeverity: Readonly<Record<Severity, number>>;
}

export function tally(anomalies: ReadonlyMap<string, Anomaly>, nowMs: number | null): Tally {
  const byKind = { zombie_driver: 0, impossible_speed: 0, outlier: 0, frozen_gps: 0 };
  const bySeverity = { warning: 0, critical: 0 };
  for (const anomaly of anomalies.values()) {
    if (!isCurrent(anomaly, nowMs)) continue;
    byKind[anomaly.kind] += 1;
    bySeverity[anomaly.severity] += 1;
  }
  return { byKind, bySeverity };
}

/** The last to come first, whatever their age; without the kinds that are hidden. */
export function newestFirst(
  anomalies: ReadonlyMap<string, Anomaly>,
  hiddenKinds: ReadonlySet<AnomalyKind>,
  limit: number,
): readonly Anomaly[] {
  return [...anomalies.values()]
    .reverse()
    .filter((anomaly) => !hiddenKinds.has(anomaly.kind))
    .slice(0, limit);
}

export interface Point {
  readonly lon: number;
  readonly lat: number;
}

/** Where it is; null for a silence, which has no place. */
export function placeOf({ lon, lat }: Anomaly): Point | null {
  return typeof lon === "number" && typeof lat === "number" ? { lon, lat } : null;
}

/** The accepted ping before it, if the evidence has one. */
export function placeBefore({ previous_lon: lon, previous_lat: lat }: Anomaly): Point | null {
  return typeof lon === "number" && typeof lat === "number" ? { lon, lat } : null;
}

export function evidence(anomaly: Anomaly, nowMs: number | null): string {
  const isOver = anomaly.phase === "cleared";
  switch (anomaly.kind) {
    case "zombie_driver": {
      const silent = duration(lastedMs(anomaly, nowMs));
      return isOver ? `was silent for ${silent}` : `no ping for ${silent} while on shift`;
    }
    case "frozen_gps": {
      const still = duration(lastedMs(anomaly, nowMs));
      return isOver ? `stood on one point for ${still}` : `on one point for ${still} while driving`;
    }
    case "impossible_speed": {
      const far = distance(anomaly.distance_m ?? 0);
      if (typeof anomaly.speed_kmh !== "number") return `${far} apart at the same instant`;
      const elapsedMs = anomaly.event_time_ms - (anomaly.previous_event_time_ms ?? anomaly.event_time_ms);
      return `${far} in ${duration(elapsedMs)} (${WHOLE.format(anomaly.speed_kmh)} km/h)`;
    }
    case "outlier": {
      if (anomaly.reason === "accuracy") return `known only to within ${distance(anomaly.accuracy_m ?? 0)}`;
      const far = anomaly.distance_m;
      const from = typeof far === "number" ? `, ${distance(far)} from the ping before` : "";
      return `outside the service area${from}`;
    }
  }
}

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** How long it has been so; what is open goes on with the city's clock. */
function lastedMs(anomaly: Anomaly, nowMs: number | null): number {
  const lasted = anomaly.lasted_ms ?? 0;
  return isOpen(anomaly) ? lasted + Math.max(0, ageMs(anomaly, nowMs)) : lasted;
}

export function distance(metres: number): string {
  if (metres < 1000) return `${WHOLE.format(metres)} m`;
  const kilometres = metres / 1000;
  return kilometres < 10 ? `${kilometres.toFixed(1)} km` : `${WHOLE.format(kilometres)} km`;
}

export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 1) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function age(ms: number): string {
  return ms < 60_000 ? "just now" : `${duration(ms)} ago`;
}
