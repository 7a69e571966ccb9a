import type { Hover } from "../map/engine";
import { STATUS_LABELS } from "../map/colours";
import type { ZoneFeature } from "../map/zones";
import { evidence, KIND_LABELS } from "../state/anomalies";
import type { LiveState } from "../state/live";
import { times, whole } from "./format";

interface Props {
  readonly hover: Hover;
  readonly state: LiveState;
  readonly features: readonly ZoneFeature[];
}

export function Tooltip({ hover, state, features }: Props) {
  const body = bodyOf(hover, state, features);
  if (body === null) return null;
  const isRight = hover.x > window.innerWidth - 240;
  const isLow = hover.y > window.innerHeight - 140;
  return (
    <div
      className="tooltip"
      style={{
        left: hover.x,
        top: hover.y,
        transform: `translate(${isRight ? "calc(-100% - 14px)" : "14px"}, ${isLow ? "calc(-100% - 14px)" : "14px"})`,
      }}
    >
      {body}
    </div>
  );
}

function bodyOf({ kind, id }: Hover, state: LiveState, features: readonly ZoneFeature[]) {
  switch (kind) {
    case "driver":
      return driverBody(id, state);
    case "zone":
      return zoneBody(id, state, features);
    case "anomaly":
      return anomalyBody(id, state);
  }
}

function anomalyBody(anomalyId: string, state: LiveState) {
  const anomaly = state.anomalies.get(anomalyId);
  if (anomaly === undefined) return null;
  return (
    <>
      <strong>{KIND_LABELS[anomaly.kind]}</strong>
      <span>{anomaly.entity_id}</span>
      <span>{evidence(anomaly, state.newestEventTimeMs)}</span>
    </>
  );
}

function driverBody(entityId: string, state: LiveState) {
  const position = state.positions.get(entityId);
  if (position === undefined) return null;
  return (
    <>
      <strong>{position.entity_id}</strong>
      <span>{position.driver_status === null ? "Status unknown" : STATUS_LABELS[position.driver_status]}</span>
      <span>
        {whole(position.speed_kmh)} km/h · {whole(position.heading_deg)}°
      </span>
      {position.trip_id === null ? null : <span>Trip {position.trip_id}</span>}
    </>
  );
}

function zoneBody(id: string, state: LiveState, features: readonly ZoneFeature[]) {
  const zoneId = Number(id);
  const feature = features.find((one) => one.id === zoneId);
  if (feature === undefined) return null;
  const metrics = state.zones.get(zoneId);
  return (
    <>
      <strong>{feature.properties.name}</strong>
      {metrics === undefined ? (
        <span>No window yet</span>
      ) : (
        <>
          <span>Surge {times(metrics.multiplier)}</span>
          <span>
            {whole(metrics.open_requests)} open · {whole(metrics.idle_drivers)} idle
          </span>
        </>
      )}
    </>
  );
}
