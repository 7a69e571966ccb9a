/**
 * What the page knows, and how a message or an action changes it. Pure: no drawing, no network, no clock.
 */
import type { DriverStatus, Position, ServerMessage, ZoneMetrics } from "../contracts";

export type Connection = "connecting" | "live" | "lost" | "denied";

export interface LiveState {
  readonly connection: Connection;
  /** Number of the last message; 0 before the first. */
  readonly sequence: number;
  /** Rises with every snapshot: what was drawn before no longer counts. */
  readonly generation: number;
  /** A message is missing; a new subscription is due. */
  readonly hasGap: boolean;
  readonly positions: ReadonlyMap<string, Position>;
  readonly zones: ReadonlyMap<number, ZoneMetrics>;
  /** Position updates received since the page was opened. */
  readonly updateCount: number;
  readonly newestEventTimeMs: number | null;
  /** What the server asks people to know, until it is over. */
  readonly notice: string | null;
  readonly selectedZone: number | null;
  readonly hiddenStatuses: ReadonlySet<DriverStatus>;
}

export type Action =
  | { readonly type: "message"; readonly message: ServerMessage }
  | { readonly type: "connection"; readonly connection: Connection }
  | { readonly type: "selectZone"; readonly zoneId: number | null }
  | { readonly type: "toggleStatus"; readonly status: DriverStatus };

export const INITIAL: LiveState = {
  connection: "connecting",
  sequence: 0,
  generation: 0,
  hasGap: false,
  positions: new Map(),
  zones: new Map(),
  updateCount: 0,
  newestEventTimeMs: null,
  notice: null,
  selectedZone: null,
  hiddenStatuses: new Set(),
};

export function reduce(state: LiveState, action: Action): LiveState {
  switch (action.type) {
    case "message":
      return onMessage(state, action.message);
    case "connection":
      return onConnection(state, action.connection);
    case "selectZone":
      return { ...state, selectedZone: action.zoneId };
    case "toggleStatus": {
      const hiddenStatuses = new Set(state.hiddenStatuses);
      if (!hiddenStatuses.delete(action.status)) hiddenStatuses.add(action.status);
      return { ...state, hiddenStatuses };
    }
  }
}

function onConnection(state: LiveState, connection: Connection): LiveState {
  // Numbers begin again with every connection.
  return { ...state, connection, sequence: 0, hasGap: false };
}

function onMessage(state: LiveState, message: ServerMessage): LiveState {
  switch (message.type) {
    case "error":
      return { ...state, notice: message.message };
    case "snapshot":
      return {
        ...state,
        connection: "live",
        sequence: message.sequence,
        generation: state.generation + 1,
        hasGap: false,
        notice: null,
        positions: new Map(message.positions.map((position) => [position.entity_id, position])),
        zones: new Map(message.zones.map((zone) => [zone.zone_id, zone])),
        newestEventTimeMs: newest(null, message.positions),
      };
    case "delta": {
      if (message.sequence !== state.sequence + 1) return { ...state, hasGap: true };
      const isNews = message.positions.length > 0 || message.removed.length > 0;
      const positions = isNews ? new Map(state.positions) : state.positions;
      if (positions instanceof Map) {
        for (const position of message.positions) positions.set(position.entity_id, position);
        for (const entityId of message.removed) positions.delete(entityId);
      }
      const zones = message.zones.length > 0 ? new Map(state.zones) : state.zones;
      if (zones instanceof Map) for (const zone of message.zones) zones.set(zone.zone_id, zone);
      return {
        ...state,
        sequence: message.sequence,
        positions,
        zones,
        updateCount: state.updateCount + message.positions.length,
        newestEventTimeMs: newest(state.newestEventTimeMs, message.positions),
      };
    }
  }
}

function newest(known: number | null, positions: readonly Position[]): number | null {
  let found = known;
  for (const position of positions) {
    if (found === null || position.event_time_ms > found) found = position.event_time_ms;
  }
  return found;
}
