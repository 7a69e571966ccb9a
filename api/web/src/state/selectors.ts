/** Figures that the panels show, read from the state. Pure. */
import type { DriverStatus, ZoneMetrics } from "../contracts";
import type { LiveState } from "./live";

export const STATUSES: readonly DriverStatus[] = [
  "available",
  "en_route",
  "at_pickup",
  "on_trip",
  "offline",
];

export interface Counts {
  readonly drivers: number;
  readonly byStatus: Readonly<Record<DriverStatus, number>>;
  readonly openRequests: number;
  readonly surgingZones: number;
}

export function counts(state: Pick<LiveState, "positions" | "zones">): Counts {
  const byStatus = { available: 0, en_route: 0, at_pickup: 0, on_trip: 0, offline: 0 };
  let drivers = 0;
  for (const position of state.positions.values()) {
    if (position.entity_type !== "driver") continue;
    drivers += 1;
    if (position.driver_status !== null) byStatus[position.driver_status] += 1;
  }
  let openRequests = 0;
  let surgingZones = 0;
  for (const zone of state.zones.values()) {
    openRequests += zone.open_requests;
    if (zone.multiplier > 1) surgingZones += 1;
  }
  return { drivers, byStatus, openRequests, surgingZones };
}

/** The zones with the highest multipliers, then the most open requests; only those above 1. */
export function hottestZones(
  zones: ReadonlyMap<number, ZoneMetrics>,
  limit: number,
): readonly ZoneMetrics[] {
  return [...zones.values()]
    .filter((zone) => zone.multiplier > 1)
    .sort(
      (a, b) =>
        b.multiplier - a.multiplier || b.open_requests - a.open_requests || a.zone_id - b.zone_id,
    )
    .slice(0, limit);
}

export interface Sample {
  readonly atMs: number;
  readonly total: number;
}

const RATE_WINDOW_MS = 5000;

/** Add a reading of a rising counter; readings older than five seconds fall out, but one before them stays. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const all = [...samples, sample];
  const firstInside = all.findIndex((one) => one.atMs >= sample.atMs - RATE_WINDOW_MS);
  return all.slice(Math.max(0, firstInside - 1));
}

export function perSecond(samples: readonly Sample[]): number {
  const first = samples[0];
  const last = samples[samples.length - 1];
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
  return ((last.total - first.total) * 1000) / (last.atMs - first.atMs);
}
