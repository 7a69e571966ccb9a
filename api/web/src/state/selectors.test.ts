import { describe, expect, it } from "vitest";
import type { DriverStatus, Position, ZoneMetrics } from "../contracts";
import { counts, hottestZones, perSecond, type Sample, withSample } from "./selectors";

const at = (id: string, driver_status: DriverStatus | null, entity_type = "driver") =>
  [id, { entity_id: id, entity_type, driver_status } as Position] as const;
const zone = (zone_id: number, multiplier: number, open_requests: number) =>
  [zone_id, { zone_id, multiplier, open_requests } as ZoneMetrics] as const;

describe("counts", () => {
  it("counts drivers by status, without riders", () => {
    const figures = counts({
      positions: new Map([
        at("a", "available"),
        at("b", "on_trip"),
        at("c", "on_trip"),
        at("d", null),
        at("r", null, "rider"),
      ]),
      zones: new Map([zone(1, 1.0, 2), zone(2, 1.3, 5)]),
    });
    expect(figures.drivers).toBe(4);
    expect(figures.byStatus).toEqual({
      available: 1,
      en_route: 0,
      at_pickup: 0,
      on_trip: 2,
      offline: 0,
    });
    expect(figures.openRequests).toBe(7);
    expect(figures.surgingZones).toBe(1);
  });
});

describe("hottestZones", () => {
  it("orders by multiplier, then requests, and leaves calm zones out", () => {
    const zones = new Map([zone(1, 1.0, 90), zone(2, 1.5, 3), zone(3, 1.5, 8), zone(4, 2.0, 1)]);
    expect(hottestZones(zones, 5).map((one) => one.zone_id)).toEqual([4, 3, 2]);
    expect(hottestZones(zones, 1).map((one) => one.zone_id)).toEqual([4]);
  });
});

describe("the rate of a counter", () => {
  it("is the slope over the last five seconds", () => {
    let samples: readonly Sample[] = [];
    for (let second = 0; second <= 20; second += 1) {
      samples = withSample(samples, { atMs: second * 1000, total: second < 10 ? 0 : (second - 10) * 50 });
    }
    expect(perSecond(samples)).toBeCloseTo(50);
    expect(samples.length).toBeLessThanOrEqual(7);
  });

  it("is zero before there are two readings", () => {
    expect(perSecond([])).toBe(0);
    expect(perSecond(withSample([], { atMs: 1, total: 9 }))).toBe(0);
  });
});
