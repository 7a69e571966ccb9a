/**
 * What the page knows, and how a message or an action changes it. Pure: no drawing, no network, no clock.
 */
import type {
  Anomaly,
  AnomalyKind,
  Delta,
  DriverStatus,
  Position,
  ServerMessage,
  Viewport,
  ZoneMetrics,
} from "../contracts";

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
  /** Of the whole city, whatever is in view; in the order they came. */
  readonly anomalies: ReadonlyMap<string, Anomaly>;
  /** The part of the map whose positions are asked for; null is the whole city. */
  readonly viewport: Viewport | null;
  /** Position updates received since the page was opened. */
  readonly updateCount: number;
  readonly newestEventTimeMs: number | null;
  /** What the server asks people to know, until it is over. */
  readonly notice: string | null;
  readonly selectedZone: number | null;
  readonly hiddenStatuses: ReadonlySet<DriverStatus>;
  readonly selectedAnomaly: string | null;
  readonly hiddenKinds: ReadonlySet<AnomalyKind>;
}

export type Action =
  | { readonly type: "message"; readonly message: ServerMessage }
  | { readonly type: "connection"; readonly connection: Connection }
  | { readonly type: "selectZone"; readonly zoneId: number | null }
  | { readonly type: "toggleStatus"; readonly status: DriverStatus }
  | { readonly type: "selectAnomaly"; readonly anomalyId: string | null }
  | { readonly type: "toggleKind"; readonly kind: AnomalyKind }
  | { readonly type: "look"; readonly viewport: Viewport | null };

export const INITIAL: LiveState = {
  connection: "connecting",
  sequence: 0,
  generation: 0,
  hasGap: false,
  positions: new Map(),
  zones: new Map(),
  anomalies: new Map(),
  viewport: null,
  updateCount: 0,
  newestEventTimeMs: null,
  notice: null,
  selectedZone: null,
  hiddenStatuses: new Set(),
  selectedAnomaly: null,
  hiddenKinds: new Set(),
};

export function reduce(state: LiveState, action: Action): LiveState {
  switch (action.type) {
    case "message":
      return onMessage(state, action.message);
    case "connection":
      return onConnection(state, action.connection);
    case "selectZone":
      return { ...state, selectedZone: action.zoneId };
    case "toggleStatus":
      return { ...state, hiddenStatuses: toggled(state.hiddenStatuses, action.status) };
    case "selectAnomaly":
      return { ...state, selectedAnomaly: action.anomalyId };
    case "toggleKind":
      return { ...state, hiddenKinds: toggled(state.hiddenKinds, action.kind) };
    case "look":
      return { ...state, viewport: action.viewport };
  }
}

function toggled<T>(set: ReadonlySet<T>, member: T): ReadonlySet<T> {
  const changed = new Set(set);
  if (!changed.delete(member)) changed.add(member);
  return changed;
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
        positions: new Map(
          message.positions.map((position) => [position.entity_id, known(state, position)]),
        ),
        zones: new Map(message.zones.map((zone) => [zone.zone_id, zone])),
        anomalies: new Map(message.anomalies.map((anomaly) => [anomaly.anomaly_id, anomaly])),
        selectedAnomaly: message.anomalies.some((one) => one.anomaly_id === state.selectedAnomaly)
          ? state.selectedAnomaly
          : null,
        // Where nobody is in view, the city's clock is not known anew.
        newestEventTimeMs:
          message.positions.length > 0 || state.viewport === null
            ? newest(null, message.positions)
            : state.newestEventTimeMs,
      };
    case "delta": {
      if (message.sequence !== state.sequence + 1) return { ...state, hasGap: true };
      const isNews = message.positions.length > 0 || message.removed.length > 0;
      const positions = isNews ? new Map(state.positions) : state.positions;
      if (positions instanceof Map) {
        for (const position of message.positions) positions.set(position.entity_id, position);
        for (const entityId of message.removed) positions.delete(entityId);
      }
      const [anomalies, selectedAnomaly] = withAnomalies(state, message);
      const zones = message.zones.length > 0 ? new Map(state.zones) : state.zones;
      if (zones instanceof Map) for (const zone of message.zones) zones.set(zone.zone_id, zone);
      return {
        ...state,
        sequence: message.sequence,
        positions,
        zones,
        anomalies,
        selectedAnomaly,
        updateCount: state.updateCount + message.positions.length,
        newestEventTimeMs: newest(state.newestEventTimeMs, [...message.positions, ...message.anomalies]),
      };
    }
  }
}

/** The same position as before is the same object: what moves it on the map is not begun anew. */
function known(state: LiveState, position: Position): Position {
  const before = state.positions.get(position.entity_id);
  return before !== undefined && before.event_id === position.event_id && before.seq === position.seq
    ? before
    : position;
}

function withAnomalies(
  state: LiveState,
  { anomalies, removed_anomalies: gone }: Delta,
): readonly [ReadonlyMap<string, Anomaly>, string | null] {
  if (anomalies.length === 0 && gone.length === 0) return [state.anomalies, state.selectedAnomaly];
  const all = new Map(state.anomalies);
  for (const anomaly of anomalies) {
    // Out and in again: what has ended is news.
    all.delete(anomaly.anomaly_id);
    all.set(anomaly.anomaly_id, anomaly);
  }
  for (const anomalyId of gone) all.delete(anomalyId);
  const selected = state.selectedAnomaly;
  return [all, selected !== null && all.has(selected) ? selected : null];
}

function newest(known: number | null, timed: readonly { event_time_ms: number }[]): number | null {
  let found = known;
  for (const { event_time_ms } of timed) {
    if (found === null || event_time_ms > found) found = event_time_ms;
  }
  return found;
}
