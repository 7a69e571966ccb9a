/** Layers of anomalies: a ring for each that counts now, and for the chosen one both points of its evidence. */
import type { Layer, PickingInfo } from "@deck.gl/core";
import { LineLayer, ScatterplotLayer } from "@deck.gl/layers";
import type { Anomaly } from "../contracts";
import { isCurrent, placeBefore, placeOf, type Point } from "../state/anomalies";
import type { LiveState } from "../state/live";
import { type Colour, KIND_COLOURS } from "./colours";

const GROUND: Colour = [7, 11, 20, 230];
const BEFORE: Colour = [226, 232, 240, 255];
/** Rings leave the map with the city's clock; looking every ten seconds of it is enough. */
const LOOK_MS = 10_000;

type Known = Pick<LiveState, "anomalies" | "hiddenKinds" | "selectedAnomaly" | "newestEventTimeMs">;
type Hovered = (info: PickingInfo<Anomaly>) => boolean;

export class AnomalyLayers {
  private layers: readonly Layer[] = [];
  private key: readonly unknown[] = [];

  constructor(
    private readonly onHover: Hovered,
    private readonly onClick: Hovered,
  ) {}

  /** The layers for this state; the same as before when nothing changed that they show. */
  of(state: Known, isFar: boolean): readonly Layer[] {
    const { anomalies, hiddenKinds, selectedAnomaly, newestEventTimeMs: nowMs } = state;
    const look = nowMs === null ? null : Math.floor(nowMs / LOOK_MS);
    const key = [anomalies, hiddenKinds, selectedAnomaly, look, isFar];
    if (this.key.length > 0 && key.every((part, index) => part === this.key[index])) return this.layers;
    this.key = key;
    const chosen = selectedAnomaly === null ? undefined : anomalies.get(selectedAnomaly);
    this.layers = [...evidenceLayers(chosen), ...this.rings(shownOnMap(state), chosen, isFar)];
    return this.layers;
  }

  private rings(
    shown: readonly Anomaly[],
    chosen: Anomaly | undefined,
    isFar: boolean,
  ): readonly Layer[] {
    const common = {
      data: shown,
      getPosition: (anomaly: Anomaly) => at(placeOf(anomaly)!),
      getRadius: (anomaly: Anomaly) => (anomaly === chosen ? 11 : 7.5),
      radiusUnits: "pixels",
      // On a phone the whole city is small: rings would cover it.
      radiusScale: isFar ? 0.65 : 1,
      lineWidthUnits: "pixels",
      stroked: true,
    } as const;
    return [
      // Dark around the colour, so that a ring is seen above a surging zone as well.
      new ScatterplotLayer<Anomaly>({
        ...common,
        id: "anomalies-edge",
        filled: false,
        getLineColor: GROUND as never,
        getLineWidth: 5,
      }),
      new ScatterplotLayer<Anomaly>({
        ...common,
        id: "anomalies",
        filled: true,
        getFillColor: (anomaly) => faint(KIND_COLOURS[anomaly.kind]) as never,
        getLineColor: (anomaly) => KIND_COLOURS[anomaly.kind] as never,
        getLineWidth: 2.5,
        pickable: true,
        onHover: this.onHover,
        onClick: this.onClick,
      }),
    ];
  }
}

/** What has a place and counts now, and the chosen one whatever its age. */
export function shownOnMap(state: Known): readonly Anomaly[] {
  return [...state.anomalies.values()].filter(
    (anomaly) =>
      placeOf(anomaly) !== null &&
      (anomaly.anomaly_id === state.selectedAnomaly ||
        (!state.hiddenKinds.has(anomaly.kind) && isCurrent(anomaly, state.newestEventTimeMs))),
  );
}

function evidenceLayers(chosen: Anomaly | undefined): readonly Layer[] {
  const here = chosen === undefined ? null : placeOf(chosen);
  const before = chosen === undefined ? null : placeBefore(chosen);
  if (chosen === undefined || here === null || before === null) return [];
  const data = [chosen];
  const line = {
    data,
    getSourcePosition: () => at(before),
    getTargetPosition: () => at(here),
    widthUnits: "pixels",
  } as const;
  return [
    new LineLayer<Anomaly>({ ...line, id: "evidence-edge", getWidth: 5, getColor: GROUND as never }),
    new LineLayer<Anomaly>({
      ...line,
      id: "evidence",
      getWidth: 2,
      getColor: KIND_COLOURS[chosen.kind] as never,
    }),
    new ScatterplotLayer<Anomaly>({
      id: "evidence-before",
      data,
      getPosition: () => at(before),
      getRadius: 5,
      radiusUnits: "pixels",
      getFillColor: BEFORE as never,
      stroked: true,
      getLineColor: GROUND as never,
      getLineWidth: 2,
      lineWidthUnits: "pixels",
    }),
  ];
}

function at({ lon, lat }: Point): [number, number] {
  return [lon, lat];
}

function faint([red, green, blue]: Colour): Colour {
  return [red, green, blue, 70];
}
