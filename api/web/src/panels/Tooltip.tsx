import type { Hover } from "../map/engine";
import { STATUS_LABELS } from "../map/colours";
import type { ZoneFeature } from "../map/zones";
import type { LiveState } from "../state/live";
import { times, whole } from "./format";

interface Props {
  readonly hover: Hover;
  readonly state: LiveState;
  readonly features: readonly ZoneFeature[];
}

export function Tooltip({ hover, state, features }: Props) {
  const body = hover.kind === "driver" ? driverBody(hover.id, state) : zoneBody(hover.id, state, features);
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
