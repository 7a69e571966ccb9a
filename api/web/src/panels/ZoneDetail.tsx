import { useEffect } from "react";
import type { ZoneFeature } from "../map/zones";
import type { LiveState } from "../state/live";
import { cityClock, times, whole } from "./format";

interface Props {
  readonly state: LiveState;
  readonly feature: ZoneFeature;
  readonly onClose: () => void;
}

export function ZoneDetail({ state, feature, onClose }: Props) {
  const metrics = state.zones.get(feature.id);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") onClose();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [onClose]);
  return (
    <aside className="card detail" aria-label={`Zone ${feature.properties.name}`}>
      <button
        type="button"
        className="close"
        onClick={onClose}
        aria-label="Close zone"
      >
        ×
      </button>
      <h2>{feature.properties.name}</h2>
      <p className="quiet">
        Zone {feature.id} · {feature.properties.acronym} · {feature.properties.subprefecture}
      </p>
      {metrics === undefined ? (
        <p className="quiet">No window yet: nothing was asked for here since the start.</p>
      ) : (
        <>
          <p className="multiplier">{times(metrics.multiplier)}</p>
          <dl className="facts">
            <div>
              <dt>Open requests</dt>
              <dd>{whole(metrics.open_requests)}</dd>
            </div>
            <div>
              <dt>Idle drivers</dt>
              <dd>{whole(metrics.idle_drivers)}</dd>
            </div>
            <div>
              <dt>Requests per idle driver</dt>
              <dd>{metrics.ratio.toFixed(2)}</dd>
            </div>
            <div>
              <dt>Mean over the window</dt>
              <dd>{metrics.smoothed_ratio.toFixed(2)}</dd>
            </div>
            <div>
              <dt>Window ended</dt>
              <dd>{cityClock(metrics.window_end_ms)}</dd>
            </div>
            <div>
              <dt>Late records</dt>
              <dd>{whole(metrics.late_records)}</dd>
            </div>
          </dl>
        </>
      )}
    </aside>
  );
}
