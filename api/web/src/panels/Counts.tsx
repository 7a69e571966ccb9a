import type { LiveStore } from "../state/store";
import type { LiveState } from "../state/live";
import { counts, STATUSES } from "../state/selectors";
import { css, STATUS_COLOURS, STATUS_LABELS } from "../map/colours";
import { whole } from "./format";

export function Counts({ state, store }: { readonly state: LiveState; readonly store: LiveStore }) {
  const figures = counts(state);
  // Requests and surging zones are always of the whole city: every zone is sent.
  return (
    <section className="card counts" aria-label="Counts">
      <dl className="figures">
        <div>
          <dt>{state.viewport === null ? "Drivers" : "Drivers in view"}</dt>
          <dd>{whole(figures.drivers)}</dd>
        </div>
        <div>
          <dt>Open requests</dt>
          <dd>{whole(figures.openRequests)}</dd>
        </div>
        <div>
          <dt>Zones surging</dt>
          <dd className={figures.surgingZones > 0 ? "warm" : ""}>{whole(figures.surgingZones)}</dd>
        </div>
      </dl>
      <div className="bar" aria-hidden="true">
        {STATUSES.map((status) => (
          <i
            key={status}
            style={{ flexGrow: figures.byStatus[status], background: css(STATUS_COLOURS[status]) }}
          />
        ))}
      </div>
      <ul className="statuses">
        {STATUSES.map((status) => {
          const isShown = !state.hiddenStatuses.has(status);
          return (
            <li key={status}>
              <button
                type="button"
                aria-pressed={isShown}
                title={`${isShown ? "Hide" : "Show"} these drivers on the map`}
                onClick={() => store.dispatch({ type: "toggleStatus", status })}
              >
                <span className="dot" style={{ background: css(STATUS_COLOURS[status]) }} />
                <span className="name">{STATUS_LABELS[status]}</span>
                <span className="number">{whole(figures.byStatus[status])}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
