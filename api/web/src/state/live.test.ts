import { describe, expect, it } from "vitest";
import type { Delta, Position, Snapshot, ZoneMetrics } from "../contracts";
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

const snapshot = (sequence: number, positions: Position[], zones: ZoneMetrics[] = []): Snapshot => ({
  type: "snapshot",
  sequence,
  server_time_ms: 0,
  positions,
  zones,
});

const delta = (sequence: number, change: Partial<Delta> = {}): Delta => ({
  type: "delta",
  sequence,
  server_time_ms: 0,
  positions: [],
  zones: [],
  removed: [],
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

  it("selects a zone and lets it go", () => {
    const selected = reduce(INITIAL, { type: "selectZone", zoneId: 78 });
    expect(selected.selectedZone).toBe(78);
    expect(reduce(selected, { type: "selectZone", zoneId: null }).selectedZone).toBeNull();
  });
});
