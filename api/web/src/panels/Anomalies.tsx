import { type KeyboardEvent, useEffect, useRef } from "react";
import type { Anomaly } from "../contracts";
import { css, KIND_COLOURS } from "../map/colours";
import {
  age,
  ageMs,
  evidence,
  isCurrent,
  isOpen,
  KIND_LABELS,
  KINDS,
  newestFirst,
  placeOf,
  tally,
} from "../state/anomalies";
import type { LiveState } from "../state/live";
import type { LiveStore } from "../state/store";
import { cityClock, whole } from "./format";

const SHOWN = 60;

interface Props {
  readonly state: LiveState;
  readonly store: LiveStore;
  readonly isUnfolded: boolean;
  readonly onFold: () => void;
  readonly onSelect: (anomaly: Anomaly) => void;
}

export function Anomalies({ state, store, isUnfolded, onFold, onSelect }: Props) {
  const nowMs = state.newestEventTimeMs;
  const figures = tally(state.anomalies, nowMs);
  return (
    <section className="card anomalies" aria-label="Anomalies">
      <h2>
        <button type="button" className="head" aria-expanded={isUnfolded} onClick={onFold}>
          <span className="title">Anomalies</span>
          <span className={figures.bySeverity.critical > 0 ? "tally critical" : "tally"}>
            {whole(figures.bySeverity.critical)} critical
          </span>
          <span className="tally">{whole(figures.bySeverity.warning)} warning</span>
          <span className="chevron" aria-hidden="true">
            {isUnfolded ? "▾" : "▸"}
          </span>
        </button>
      </h2>
      {isUnfolded ? (
        <>
          <p className="quiet">Whole city: open, or of the last 15 min of its time</p>
          <ul className="kinds">
            {KINDS.map((kind) => {
              const isShown = !state.hiddenKinds.has(kind);
              return (
                <li key={kind}>
                  <button
                    type="button"
                    aria-pressed={isShown}
                    title={`${isShown ? "Hide" : "Show"} these on the map and in the list`}
                    onClick={() => store.dispatch({ type: "toggleKind", kind })}
                  >
                    <span className="ring" style={{ borderColor: css(KIND_COLOURS[kind]) }} />
                    <span className="name">{KIND_LABELS[kind]}</span>
                    <span className="number">{whole(figures.byKind[kind])}</span>
                  </button>
                </li>
              );
            })}
          </ul>
          <Log state={state} onSelect={onSelect} />
        </>
      ) : null}
    </section>
  );
}

function Log({ state, onSelect }: Pick<Props, "state" | "onSelect">) {
  const list = useRef<HTMLOListElement>(null);
  const { selectedAnomaly, newestEventTimeMs: nowMs } = state;
  const shown = newestFirst(state.anomalies, state.hiddenKinds, SHOWN);
  useEffect(() => {
    // Chosen on the map: the list shows it too.
    list.current?.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
  }, [selectedAnomaly]);
  if (shown.length === 0) return <p className="quiet calm">Nothing is wrong with any position.</p>;
  return (
    <ol className="log" ref={list} onKeyDown={moveFocus} aria-label="Newest anomalies">
      {shown.map((anomaly) => (
        <li key={anomaly.anomaly_id} className={isCurrent(anomaly, nowMs) ? "" : "past"}>
          <button
            type="button"
            aria-current={anomaly.anomaly_id === selectedAnomaly}
            onClick={() => onSelect(anomaly)}
          >
            <span className="what">
              <span className="ring" style={{ borderColor: css(KIND_COLOURS[anomaly.kind]) }} />
              <strong>{KIND_LABELS[anomaly.kind]}</strong>
              <Standing anomaly={anomaly} />
            </span>
            <span className="who">{anomaly.entity_id}</span>
            <span className="evidence">{evidence(anomaly, nowMs)}</span>
            <span className="when">
              {cityClock(anomaly.event_time_ms)} · {age(ageMs(anomaly, nowMs))}
              {placeOf(anomaly) === null ? " · no place known" : ""}
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Standing({ anomaly }: { readonly anomaly: Anomaly }) {
  if (anomaly.phase === "cleared") return <span className="standing cleared">Cleared</span>;
  if (!isOpen(anomaly)) return null;
  return <span className={`standing ${anomaly.severity}`}>Open</span>;
}

/** Arrows go from one anomaly to the next, Home and End to the first and the last. */
function moveFocus(event: KeyboardEvent<HTMLOListElement>): void {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: Math.min(at + 1, buttons.length - 1),
    ArrowUp: Math.max(at - 1, 0),
    Home: 0,
    End: buttons.length - 1,
  };
  const target = targets[event.key];
  if (target === undefined) return;
  event.preventDefault();
  buttons[target]?.focus();
}
