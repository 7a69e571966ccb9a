import { useMemo } from "react";
import { css, SURGE_STEPS, surgeColour } from "../map/colours";
import type { ZoneFeature } from "../map/zones";
import type { LiveState } from "../state/live";
import { hottestZones } from "../state/selectors";
import { times, whole } from "./format";

const SHOWN = 6;

interface Props {
  readonly state: LiveState;
  readonly features: readonly ZoneFeature[];
  readonly onSelect: (zoneId: number) => void;
}

export function Zones({ state, features, onSelect }: Props) {
  const names = useMemo(
    () => new Map(features.map((feature) => [feature.id, feature.properties.name])),
    [features],
  );
  const sorted = useMemo(
    () => [...features].sort((a, b) => a.properties.name.localeCompare(b.properties.name, "pt")),
    [features],
  );
  const hottest = hottestZones(state.zones, SHOWN);
  return (
    <section className="card zones" aria-label="Surge">
      <h2>Surge</h2>
      <Legend />
      <ol className="hottest">
        {hottest.map((zone) => (
          <li key={zone.zone_id}>
            <button
              type="button"
              aria-current={zone.zone_id === state.selectedZone}
              onClick={() => onSelect(zone.zone_id)}
            >
              <span className="name">{names.get(zone.zone_id) ?? `Zone ${zone.zone_id}`}</span>
              <span className="demand">
                {whole(zone.open_requests)} / {whole(zone.idle_drivers)}
              </span>
              <span className="badge" style={{ background: solid(zone.multiplier) }}>
                {times(zone.multiplier)}
              </span>
            </button>
          </li>
        ))}
      </ol>
      {hottest.length === 0 ? <p className="quiet">No zone is surging.</p> : null}
      <label className="jump">
        <span>Go to zone</span>
        <select
          value={state.selectedZone ?? ""}
          onChange={(event) => onSelect(Number(event.target.value))}
        >
          <option value="" disabled>
            choose…
          </option>
          {sorted.map((feature) => (
            <option key={feature.id} value={feature.id}>
              {feature.properties.name}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}

export function Legend() {
  const low = SURGE_STEPS[0]![0];
  const high = SURGE_STEPS[SURGE_STEPS.length - 1]![0];
  const stops = SURGE_STEPS.map(
    ([multiplier]) =>
      `${solid(multiplier)} ${(((multiplier - low) / (high - low)) * 100).toFixed(0)}%`,
  );
  return (
    <div className="legend" role="img" aria-label="Colour scale of the price multiplier, 1.0 to 3.0">
      <div className="scale" style={{ background: `linear-gradient(90deg, ${stops.join(",")})` }} />
      <div className="ticks" aria-hidden="true">
        <span>1.0×</span>
        <span>1.5×</span>
        <span>2.0×</span>
        <span>2.5×</span>
        <span>3.0×</span>
      </div>
    </div>
  );
}

function solid(multiplier: number): string {
  const [red, green, blue] = surgeColour(multiplier);
  return css([red, green, blue, 255]);
}
