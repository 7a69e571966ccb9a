import { describe, expect, it } from "vitest";
import type { Anomaly } from "../contracts";
import { age, distance, duration, evidence, isCurrent, newestFirst, placeOf, RECENT_MS, tally } from "./anomalies";

const NOW = 100 * 60_000;

function anomaly(change: Partial<Anomaly>): Anomaly {
  return {
    anomaly_id: "a",
    kind: "impossible_speed",
    phase: "raised",
    severity: "warning",
    rule_version: 1,
    reason: "too_fast",
    entity_id: "driver-1",
    entity_type: "driver",
    event_time_ms: NOW,
    run_id: "r",
    ...change,
  };
}

const zombie = (change: Partial<Anomaly> = {}) =>
  anomaly({ kind: "zombie_driver", severity: "critical", reason: "silent", lasted_ms: 600_000, ...change });
const byId = (...all: Anomaly[]) => new Map(all.map((one) => [one.anomaly_id, one]));

describe("what counts now", () => {
  it("is a bad ping for a quarter of an hour of event time", () => {
    expect(isCurrent(anomaly({ event_time_ms: NOW - RECENT_MS }), NOW)).toBe(true);
    expect(isCurrent(anomaly({ event_time_ms: NOW - RECENT_MS - 1 }), NOW)).toBe(false);
    expect(isCurrent(anomaly({ event_time_ms: NOW + 60_000 }), NOW)).toBe(false);
    expect(isCurrent(anomaly({ event_time_ms: NOW + 60_000 }), null)).toBe(true);
  });

  it("is what lasts until it is cleared, however old", () => {
    expect(isCurrent(zombie({ event_time_ms: 0 }), NOW)).toBe(true);
    expect(isCurrent(zombie({ phase: "cleared" }), NOW)).toBe(false);
  });

  it("is counted by kind and by severity", () => {
    const figures = tally(
      byId(
        anomaly({ anomaly_id: "a" }),
        anomaly({ anomaly_id: "b", event_time_ms: 0 }),
        zombie({ anomaly_id: "c", event_time_ms: 0 }),
        zombie({ anomaly_id: "d", phase: "cleared" }),
      ),
      NOW,
    );
    expect(figures.byKind).toEqual({ zombie_driver: 1, impossible_speed: 1, outlier: 0, frozen_gps: 0 });
    expect(figures.bySeverity).toEqual({ warning: 1, critical: 1 });
  });
});

describe("the list", () => {
  it("begins with the last to come, leaves hidden kinds out and ends somewhere", () => {
    const all = byId(anomaly({ anomaly_id: "a" }), zombie({ anomaly_id: "b" }), anomaly({ anomaly_id: "c" }));
    const ids = (hidden: Iterable<Anomaly["kind"]>, limit = 9) =>
      newestFirst(all, new Set(hidden), limit).map((one) => one.anomaly_id);
    expect(ids([])).toEqual(["c", "b", "a"]);
    expect(ids(["zombie_driver"])).toEqual(["c", "a"]);
    expect(ids([], 1)).toEqual(["c"]);
  });
});

describe("evidence in words", () => {
  it.each<[Partial<Anomaly>, string]>([
    [
      { distance_m: 92_000, speed_kmh: 82_800, previous_event_time_ms: NOW - 4000 },
      "92 km in 4 s (82,800 km/h)",
    ],
    [
      { distance_m: 740, speed_kmh: 6660, previous_event_time_ms: NOW - 400 },
      "740 m in 0.4 s (6,660 km/h)",
    ],
    [{ distance_m: 3210, speed_kmh: null }, "3.2 km apart at the same instant"],
    [{ kind: "outlier", reason: "accuracy", accuracy_m: 350 }, "known only to within 350 m"],
    [
      { kind: "outlier", reason: "outside_service_area", distance_m: 41_000 },
      "outside the service area, 41 km from the ping before",
    ],
    [{ kind: "outlier", reason: "outside_service_area" }, "outside the service area"],
    [{ kind: "frozen_gps", lasted_ms: 60_000 }, "on one point for 1 min while driving"],
    [
      { kind: "frozen_gps", lasted_ms: 260_000, phase: "cleared" },
      "stood on one point for 4 min",
    ],
    [{ kind: "zombie_driver", lasted_ms: 600_000 }, "no ping for 10 min while on shift"],
    [
      { kind: "zombie_driver", lasted_ms: 600_000, event_time_ms: NOW - 300_000 },
      "no ping for 15 min while on shift",
    ],
    [
      { kind: "zombie_driver", lasted_ms: 4_500_000, phase: "cleared", event_time_ms: 0 },
      "was silent for 1 h 15 min",
    ],
  ])("%j", (change, words) => {
    expect(evidence(anomaly(change), NOW)).toBe(words);
  });

  it("has round figures", () => {
    expect([999, 1000, 9949, 10_400].map(distance)).toEqual(["999 m", "1.0 km", "9.9 km", "10 km"]);
    expect([0, 59_999, 60_000, 7_200_000].map(duration)).toEqual(["0.0 s", "59 s", "1 min", "2 h"]);
    expect([-5, 59_000, 125_000].map(age)).toEqual(["just now", "just now", "2 min ago"]);
  });

  it("has a place only where there is one", () => {
    expect(placeOf(zombie())).toBeNull();
    expect(placeOf(anomaly({ lat: -23.5, lon: 0 }))).toEqual({ lat: -23.5, lon: 0 });
  });
});
