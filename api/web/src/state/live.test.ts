import { describe, expect, it } from "vitest";
import type { Anomaly, Delta, Position, Snapshot, ZoneMetrics } from "../contracts";
import { INITIAL, type LiveState, reduce } from "./live";

function position(entity_id: string, event_time_ms = 1000): Position {
  return {
    entity_id,
    entity_type: "driver",
    lat: -23.5,
    lon: -46.6,
    speed_kmh: 30,
    heading_deg: 90,
    driver_status: "available",
    trip_id: null,
    seq: 1,
    event_time_ms,
    event_id: "e",
    run_id: "r",
  };
}

function zone(zone_id: number, multiplier = 1): ZoneMetrics {
  return {
    zone_id,
    window_start_ms: 0,
    window_end_ms: 300000,
    open_requests: 1,
    idle_drivers: 1,
    ratio: 1,
    smoothed_ratio: 1,
    multiplier,
    late_records: 0,
    run_id: "r",
  };
}

function anomaly(anomaly_id: string, change: Partial<Anomaly> = {}): Anomaly {
  return {
    anomaly_id,
    kind: "zombie_driver",
    phase: "raised",
    severity: "critical",
    rule_version: 1,
    reason: "silent",
    entity_id: "d",
    entity_type: "driver",
    event_time_ms: 1000,
    run_id: "r",
    lasted_ms: 600_000,
    ...change,
  };
}

const snapshot = (
  sequence: number,
  positions: Position[],
  zones: ZoneMetrics[] = [],
  anomalies: Anomaly[] = [],
): Snapshot => ({
  type: "snapshot",
  sequence,
  server_time_ms: 0,
  positions,
  zones,
  anomalies,
});

const delta = (sequence: number, change: Partial<Delta> = {}): Delta => ({
  type: "delta",
  sequence,
  server_time_ms: 0,
  positions: [],
  zones: [],
  anomalies: [],
  removed: [],
  removed_anomalies: [],
  ...change,
});

function after(...messages: (Snapshot | Delta)[]): LiveState {
  return messages.reduce((state, message) => reduce(state, { type: "message", message }), INITIAL);
}

describe("a snapshot", () => {
  it("replaces everything and ends a notice", () => {
    const before = reduce(after(snapshot(1, [position("a")], [zone(1)])), {
      type: "message",
      message: { type: "error", message: "stands still" },
    });
    expect(before.notice).toBe("stands still");
    const state = reduce(before, { type: "message", message: snapshot(7, [position("b")]) });
    expect([...state.positions.keys()]).toEqual(["b"]);
    expect(state.zones.size).toBe(0);
    expect(state.sequence).toBe(7);
    expect(state.notice).toBeNull();
    expect(state.generation).toBe(before.generation + 1);
    expect(state.connection).toBe("live");
  });
});

describe("a delta", () => {
  it("adds, moves and removes, and leaves the state before it as it was", () => {
    const before = after(snapshot(1, [position("a"), position("b")]));
    const moved = { ...position("a", 2000), lat: -23.6 };
    const state = reduce(before, {
      type: "message",
      message: delta(2, { positions: [moved, position("c", 1500)], removed: ["b"], zones: [zone(3)] }),
    });
    expect([...state.positions.keys()].sort()).toEqual(["a", "c"]);
    expect(state.positions.get("a")).toBe(moved);
    expect(state.zones.get(3)?.multiplier).toBe(1);
    expect(state.updateCount).toBe(2);
    expect(state.newestEventTimeMs).toBe(2000);
    expect(before.positions.get("a")?.lat).toBe(-23.5);
    expect(before.positions.has("b")).toBe(true);
  });

  it("keeps the same maps when it is only a heartbeat", () => {
    const before = after(snapshot(1, [position("a")], [zone(1)]));
    const state = reduce(before, { type: "message", message: delta(2) });
    expect(state.positions).toBe(before.positions);
    expect(state.zones).toBe(before.zones);
    expect(state.sequence).toBe(2);
  });

  it("is not applied after a gap", () => {
    const before = after(snapshot(1, [position("a")]));
    const state = reduce(before, { type: "message", message: delta(3, { removed: ["a"] }) });
    expect(state.hasGap).toBe(true);
    expect(state.positions.has("a")).toBe(true);
  });
});

describe("anomalies", () => {
  const shown = () => after(snapshot(1, [], [], [anomaly("a"), anomaly("b")]));
  const ids = (state: LiveState) => [...state.anomalies.keys()];

  it("come with the snapshot, and an end takes the place of the beginning", () => {
    const before = shown();
    const cleared = anomaly("a", { phase: "cleared", event_time_ms: 5000 });
    const state = reduce(before, { type: "message", message: delta(2, { anomalies: [cleared] }) });
    expect(ids(state)).toEqual(["b", "a"]);
    expect(state.anomalies.get("a")).toBe(cleared);
    expect(state.newestEventTimeMs).toBe(5000);
    expect(before.anomalies.get("a")?.phase).toBe("raised");
  });

  it("leave, and with them the selection", () => {
    const chosen = reduce(shown(), { type: "selectAnomaly", anomalyId: "a" });
    const other = reduce(chosen, { type: "message", message: delta(2, { removed_anomalies: ["b"] }) });
    expect(other.selectedAnomaly).toBe("a");
    const state = reduce(other, { type: "message", message: delta(3, { removed_anomalies: ["a"] }) });
    expect(state.anomalies.size).toBe(0);
    expect(state.selectedAnomaly).toBeNull();
    const anew = reduce(chosen, { type: "message", message: snapshot(9, [], [], [anomaly("c")]) });
    expect(anew.selectedAnomaly).toBeNull();
  });

  it("keep the same map when there are none in a delta", () => {
    const before = shown();
    const state = reduce(before, { type: "message", message: delta(2, { positions: [position("x")] }) });
    expect(state.anomalies).toBe(before.anomalies);
  });
});

describe("looking at a part of the city", () => {
  const box = { west: -46.7, south: -23.6, east: -46.6, north: -23.5 };

  it("keeps the clock where nobody is in view, and what did not move", () => {
    const whole = after(snapshot(1, [position("a", 7000), position("b", 9000)]));
    const looking = reduce(whole, { type: "look", viewport: box });
    const near = reduce(looking, { type: "message", message: snapshot(2, [position("a", 7000)]) });
    expect(near.positions.size).toBe(1);
    expect(near.positions.get("a")).toBe(whole.positions.get("a"));
    const nobody = reduce(near, { type: "message", message: snapshot(3, []) });
    expect(nobody.newestEventTimeMs).toBe(7000);
    const all = reduce(reduce(nobody, { type: "look", viewport: null }), {
      type: "message",
      message: snapshot(4, []),
    });
    expect(all.newestEventTimeMs).toBeNull();
  });
});

describe("actions of a person and of the connection", () => {
  it("starts numbering again with a new connection and keeps what is shown", () => {
    const state = reduce(after(snapshot(5, [position("a")])), { type: "connection", connection: "lost" });
    expect(state.sequence).toBe(0);
    expect(state.connection).toBe("lost");
    expect(state.positions.size).toBe(1);
  });

  it("hides and shows a status", () => {
    const hidden = reduce(INITIAL, { type: "toggleStatus", status: "offline" });
    expect(hidden.hiddenStatuses.has("offline")).toBe(true);
    const shown = reduce(hidden, { type: "toggleStatus", status: "offline" });
    expect(shown.hiddenStatuses.has("offline")).toBe(false);
    expect(INITIAL.hiddenStatuses.size).toBe(0);
  });

  it("hides and shows a kind of anomaly", () => {
    const hidden = reduce(INITIAL, { type: "toggleKind", kind: "outlier" });
    expect(hidden.hiddenKinds.has("outlier")).toBe(true);
    expect(reduce(hidden, { type: "toggleKind", kind: "outlier" }).hiddenKinds.size).toBe(0);
  });

  it("selects a zone and lets it go", () => {
    const selected = reduce(INITIAL, { type: "selectZone", zoneId: 78 });
    expect(selected.selectedZone).toBe(78);
    expect(reduce(selected, { type: "selectZone", zoneId: null }).selectedZone).toBeNull();
  });
});
