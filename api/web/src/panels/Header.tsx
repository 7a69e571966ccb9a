import { useEffect, useRef, useState } from "react";
import type { Connection, LiveState } from "../state/live";
import { perSecond, type Sample, withSample } from "../state/selectors";
import { cityClock, cityDate, whole } from "./format";

const CONNECTION_TEXT: Readonly<Record<Connection, string>> = {
  connecting: "Connecting",
  live: "Live",
  lost: "Reconnecting",
  denied: "No access",
};

export function Header({ state }: { readonly state: LiveState }) {
  const rate = useRate(state.updateCount);
  const isStill = state.connection === "live" && state.notice !== null;
  const tone = isStill ? "lost" : state.connection;
  return (
    <header className="card header">
      <div className="brand">
        <h1>
          <span className="lamp" aria-hidden="true" /> Farol
        </h1>
        <p className="city">São Paulo</p>
      </div>
      <div className="clock" title="Newest event time, local to the city">
        <output aria-label="Newest event time">{cityClock(state.newestEventTimeMs)}</output>
        <small>{cityDate(state.newestEventTimeMs)}</small>
      </div>
      <div className="link">
        <span className={`pill ${tone}`} role="status">
          {isStill ? "Standing still" : CONNECTION_TEXT[state.connection]}
        </span>
        <small>{whole(rate)} updates/s</small>
      </div>
    </header>
  );
}

function useRate(updateCount: number): number {
  const samples = useRef<readonly Sample[]>([]);
  const latest = useRef(updateCount);
  latest.current = updateCount;
  const [rate, setRate] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      samples.current = withSample(samples.current, { atMs: performance.now(), total: latest.current });
      setRate(perSecond(samples.current));
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return rate;
}
