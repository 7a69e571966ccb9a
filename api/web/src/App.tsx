import { useCallback, useEffect, useRef, useState } from "react";
import { type Hover, MapEngine, type Padding } from "./map/engine";
import type { Anomaly } from "./contracts";
import type { MapSettings, ZoneCollection } from "./map/zones";
import type { LiveConnection } from "./net/live";
import { Anomalies } from "./panels/Anomalies";
import { Counts } from "./panels/Counts";
import { Header } from "./panels/Header";
import { KeyForm } from "./panels/KeyForm";
import { Tooltip } from "./panels/Tooltip";
import { ZoneDetail } from "./panels/ZoneDetail";
import { Zones } from "./panels/Zones";
import { shownOnMap } from "./map/anomalies";
import { placeOf } from "./state/anomalies";
import { type LiveStore, usePanelState } from "./state/store";

interface Props {
  readonly store: LiveStore;
  readonly connection: LiveConnection;
  readonly zones: ZoneCollection;
  readonly settings: MapSettings;
}

const PHONE_PX = 720;
/** From here on the list of anomalies has room beside the city. */
const WIDE_PX = 1100;

export function App({ store, connection, zones, settings }: Props) {
  const state = usePanelState(store);
  const container = useRef<HTMLDivElement>(null);
  const engine = useRef<MapEngine | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const [isOpen, setIsOpen] = useState(innerWidth >= PHONE_PX);
  const [isListOpen, setIsListOpen] = useState(innerWidth >= WIDE_PX);

  useEffect(() => {
    if (container.current === null) return;
    const watcher = { onHover: setHover, onLook: connection.look.bind(connection) };
    const made = new MapEngine(container.current, store, zones, settings, watcher, padding());
    engine.current = made;
    window.farol = debugHook(store, made);
    return () => made.destroy();
  }, [store, connection, zones, settings]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && store.current.selectedAnomaly !== null) {
        store.dispatch({ type: "selectAnomaly", anomalyId: null });
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [store]);

  const select = useCallback(
    (zoneId: number) => {
      store.dispatch({ type: "selectZone", zoneId });
      engine.current?.flyTo(zoneId, padding());
    },
    [store],
  );
  const selectAnomaly = useCallback(
    (anomaly: Anomaly) => {
      store.dispatch({ type: "selectAnomaly", anomalyId: anomaly.anomaly_id });
      engine.current?.showAnomaly(anomaly, padding());
      // On a phone the list would cover what was flown to.
      if (innerWidth < PHONE_PX && placeOf(anomaly) !== null) setIsListOpen(false);
    },
    [store],
  );
  const unselect = useCallback(() => store.dispatch({ type: "selectZone", zoneId: null }), [store]);

  const selected = zones.features.find((feature) => feature.id === state.selectedZone);
  return (
    <div className={isOpen ? "app open" : "app"}>
      <main ref={container} className="map" aria-label="Live map" />
      <div className="side">
        <Header state={state} />
        <button
          type="button"
          className="fold card"
          aria-expanded={isOpen}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? "Hide figures" : "Show figures"}
        </button>
        <div className="panels">
          <Counts state={state} store={store} />
          <Zones state={state} features={zones.features} onSelect={select} />
          <button type="button" className="card whole" onClick={() => engine.current?.showCity(padding())}>
            Whole city
          </button>
        </div>
      </div>
      {state.connection === "denied" ? <KeyForm /> : null}
      {state.notice === null ? null : (
        <p className="card notice" role="alert">
          {state.notice}
        </p>
      )}
      <div className="beside">
        {selected === undefined ? null : (
          <ZoneDetail state={state} feature={selected} onClose={unselect} />
        )}
        <Anomalies
          state={state}
          store={store}
          isUnfolded={isListOpen}
          onFold={() => setIsListOpen(!isListOpen)}
          onSelect={selectAnomaly}
        />
      </div>
      {hover === null ? null : <Tooltip hover={hover} state={state} features={zones.features} />}
    </div>
  );
}

/** What the panels cover, so that the city is drawn beside them. */
function padding(): Padding {
  return innerWidth < PHONE_PX
    ? { top: 110, right: 12, bottom: 64, left: 12 }
    : { top: 24, right: innerWidth < WIDE_PX ? 24 : 330, bottom: 24, left: 360 };
}

function debugHook(store: LiveStore, engine: MapEngine): FarolHook {
  return {
    state: () => {
      const { connection, sequence, positions, zones, anomalies, updateCount, notice, viewport } =
        store.current;
      return {
        connection,
        sequence,
        updateCount,
        notice,
        positions: positions.size,
        zones: zones.size,
        anomalies: anomalies.size,
        anomaliesOnMap: shownOnMap(store.current).map((one) => one.anomaly_id),
        viewport,
        frames: engine.framesDrawn,
      };
    },
    drawnAt: (entityId) => engine.drawnAt(entityId),
    onPage: (lon, lat) => engine.onPage(lon, lat),
    known: (entityId) => store.current.positions.get(entityId) ?? null,
    zone: (zoneId) => store.current.zones.get(zoneId) ?? null,
  };
}
