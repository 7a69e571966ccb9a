/**
 * Draws the city: MapLibre holds the ground and the camera, deck.gl draws zones, names and drivers above it.
 * It reads the store every frame; React never sees a driver move.
 */
import type { Layer, PickingInfo } from "@deck.gl/core";
import { GeoJsonLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";
import { MapboxOverlay } from "@deck.gl/mapbox";
import maplibregl from "maplibre-gl";
import type { Anomaly, Position, Viewport } from "../contracts";
import { Animator } from "../motion/animator";
import { placeBefore, placeOf } from "../state/anomalies";
import type { LiveStore } from "../state/store";
import { AnomalyLayers } from "./anomalies";
import { STATUS_COLOURS, surgeColour } from "./colours";
import { baseStyle } from "./style";
import { nextViewport } from "./viewport";
import { boundsOf, cityOf, type MapSettings, type ZoneCollection, type ZoneFeature } from "./zones";

const FRAME_MS = 1000 / 30;
/** A person who moves the map is let finish before the server is asked anew. */
const LOOK_AFTER_MS = 250;
/** Farther away than this, the city is small on the page: names and rings take less room. */
const FAR_ZOOM = 9.8;
const FONT = "'Inter Variable', system-ui, sans-serif";
const UNKNOWN_COLOUR = [148, 163, 184, 255] as const;

export interface Hover {
  readonly x: number;
  readonly y: number;
  readonly kind: "driver" | "zone" | "anomaly";
  readonly id: string;
}

export interface Padding {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

export interface Watcher {
  readonly onHover: (hover: Hover | null) => void;
  /** Another part of the map is looked at; null is the whole city. */
  readonly onLook: (viewport: Viewport | null) => void;
}

export class MapEngine {
  readonly map: maplibregl.Map;
  private readonly overlay: MapboxOverlay;
  private readonly animator: Animator;
  private readonly features: ReadonlyMap<number, ZoneFeature>;
  private readonly unsubscribe: () => void;
  private drawn: ReadonlyMap<string, Position> = new Map();
  private drawnGeneration = -1;
  private frame = 0;
  private lastFrameMs = 0;
  private zonesLayers: readonly [Layer, Layer] | null = null;
  private readonly characters: string;
  private zonesKey: readonly unknown[] = [];
  private frameCount = 0;
  private readonly city: Viewport;
  private readonly anomalyLayers: AnomalyLayers;
  private looking: ReturnType<typeof setTimeout> | undefined;

  constructor(
    container: HTMLElement,
    private readonly store: LiveStore,
    private readonly zones: ZoneCollection,
    settings: MapSettings,
    private readonly watcher: Watcher,
    padding: Padding,
  ) {
    this.features = new Map(zones.features.map((feature) => [feature.id, feature]));
    // All at once: a set that grows would draw the picture of the letters anew again and again.
    this.characters = charactersOf(zones);
    this.animator = new Animator(matchMedia("(prefers-reduced-motion: reduce)").matches);
    this.city = cityOf(zones.features);
    this.anomalyLayers = new AnomalyLayers(this.hoverAnomaly, this.clickAnomaly);
    this.map = new maplibregl.Map({
      container,
      style: baseStyle(zones, settings),
      bounds: corners(this.city),
      fitBoundsOptions: { padding },
      minZoom: 8,
      maxZoom: 17,
      maxPitch: 0,
      dragRotate: false,
      attributionControl: settings.tile_attribution === "" ? false : { compact: true },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new maplibregl.ScaleControl({ unit: "metric" }), "bottom-right");
    this.map.getCanvas().setAttribute("aria-label", "Map of the city; arrow keys move, plus and minus zoom");
    this.overlay = new MapboxOverlay({ interleaved: false, layers: [] });
    this.map.addControl(this.overlay);
    this.map.on("moveend", this.lookSoon);
    this.map.on("resize", this.lookSoon);
    this.unsubscribe = store.subscribe(this.take);
    this.take();
    this.frame = requestAnimationFrame(this.draw);
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.looking);
    this.unsubscribe();
    this.map.remove();
  }

  zone(zoneId: number): ZoneFeature | undefined {
    return this.features.get(zoneId);
  }

  flyTo(zoneId: number, padding: Padding): void {
    const feature = this.features.get(zoneId);
    if (feature === undefined) return;
    const box = boundsOf([feature]);
    this.map.fitBounds(corners(box), { padding: wider(padding), maxZoom: 13.5, duration: 700 });
  }

  /** Show an anomaly with both points of its evidence; what has no place moves nothing. */
  showAnomaly(anomaly: Anomaly, padding: Padding): void {
    const here = placeOf(anomaly);
    if (here === null) return;
    const points = [here, placeBefore(anomaly) ?? here];
    const box = {
      west: Math.min(...points.map((point) => point.lon)),
      south: Math.min(...points.map((point) => point.lat)),
      east: Math.max(...points.map((point) => point.lon)),
      north: Math.max(...points.map((point) => point.lat)),
    };
    this.map.fitBounds(corners(box), { padding: wider(padding), maxZoom: 14, duration: 700 });
  }

  showCity(padding: Padding): void {
    this.map.fitBounds(corners(this.city), { padding, duration: 700 });
  }

  /** Where a driver is drawn now, on the ground and on the page; for tests and for the curious. */
  drawnAt(entityId: string): { lon: number; lat: number; x: number; y: number } | null {
    const at = this.animator.position(entityId, performance.now());
    if (at === null) return null;
    const point = this.map.project([at.lon, at.lat]);
    return { ...at, x: point.x, y: point.y };
  }

  /** Where a place of the ground is on the page. */
  onPage(lon: number, lat: number): { x: number; y: number } {
    const { x, y } = this.map.project([lon, lat]);
    return { x, y };
  }

  get framesDrawn(): number {
    return this.frameCount;
  }

  private take = (): void => {
    const { positions, generation } = this.store.current;
    if (positions === this.drawn) return;
    const nowMs = performance.now();
    const isFresh = generation !== this.drawnGeneration;
    for (const [entityId, position] of positions) {
      if (position.entity_type !== "driver") continue;
      if (position !== this.drawn.get(entityId)) {
        this.animator.place(entityId, position, nowMs, isFresh);
      }
    }
    for (const entityId of this.drawn.keys()) {
      if (!positions.has(entityId)) this.animator.remove(entityId);
    }
    this.drawn = positions;
    this.drawnGeneration = generation;
  };

  private draw = (nowMs: number): void => {
    this.frame = requestAnimationFrame(this.draw);
    if (nowMs - this.lastFrameMs < FRAME_MS - 2) return;
    this.lastFrameMs = nowMs;
    this.frameCount += 1;
    const zoom = this.map.getZoom();
    const [shapes, names] = this.zoneLayers(zoom);
    const anomalies = this.anomalyLayers.of(this.store.current, zoom < FAR_ZOOM);
    this.overlay.setProps({ layers: [shapes, ...this.driverLayers(zoom), names, ...anomalies] });
  };

  private driverLayers(zoom: number): Layer[] {
    const { hiddenStatuses } = this.store.current;
    const length = this.animator.count;
    const positions = new Float32Array(length * 2);
    this.animator.fill(positions, performance.now());
    const colours = new Uint8ClampedArray(length * 4);
    for (let slot = 0; slot < length; slot += 1) {
      const status = this.drawn.get(this.animator.idAt(slot)!)?.driver_status ?? null;
      colours.set(status === null ? UNKNOWN_COLOUR : STATUS_COLOURS[status], slot * 4);
      if (status !== null && hiddenStatuses.has(status)) colours[slot * 4 + 3] = 0;
    }
    const data = {
      length,
      attributes: {
        getPosition: { value: positions, size: 2 },
        getFillColor: { value: colours, size: 4 },
      },
    };
    const radius = Math.min(9, Math.max(1.7, 2.6 + (zoom - 10) * 1.1));
    return [
      new ScatterplotLayer({
        id: "drivers-glow",
        data,
        getRadius: radius * 2.4,
        radiusUnits: "pixels",
        opacity: 0.012,
      }),
      new ScatterplotLayer({
        id: "drivers",
        data,
        getRadius: radius,
        radiusUnits: "pixels",
        pickable: true,
        onHover: (info: PickingInfo) => this.hoverDriver(info),
        onClick: (info: PickingInfo) => this.hoverDriver(info),
      }),
    ];
  }

  private zoneLayers(zoom: number): readonly [Layer, Layer] {
    const { zones, selectedZone } = this.store.current;
    const detail = zoom < FAR_ZOOM ? -1 : zoom < 11.2 ? 0 : zoom < 12.6 ? 1 : 2;
    const key = [zones, selectedZone, detail];
    if (this.zonesLayers !== null && key.every((part, index) => part === this.zonesKey[index])) {
      return this.zonesLayers;
    }
    this.zonesKey = key;
    const multiplier = (feature: ZoneFeature): number => zones.get(feature.id)?.multiplier ?? 1;
    // From near, a zone fills the page: full colours would drown the drivers.
    const strength = detail === 2 ? 0.6 : 1;
    this.zonesLayers = [
      new GeoJsonLayer<ZoneFeature["properties"]>({
        id: "zones",
        data: this.zones as never,
        pickable: true,
        stroked: true,
        filled: true,
        getFillColor: (feature) => {
          const [red, green, blue, alpha] = surgeColour(multiplier(feature as unknown as ZoneFeature));
          return [red, green, blue, Math.round(alpha * strength)];
        },
        getLineColor: (feature) =>
          (feature as unknown as ZoneFeature).id === selectedZone
            ? [255, 255, 255, 235]
            : [86, 118, 178, 95],
        getLineWidth: (feature) =>
          (feature as unknown as ZoneFeature).id === selectedZone ? 2.5 : 1,
        lineWidthUnits: "pixels",
        lineJointRounded: true,
        transitions: { getFillColor: 600 },
        updateTriggers: {
          getFillColor: [zones, strength],
          getLineColor: [selectedZone],
          getLineWidth: [selectedZone],
        },
        onHover: (info: PickingInfo) => this.hoverZone(info),
        onClick: (info: PickingInfo) => this.clickZone(info),
      }),
      new TextLayer<ZoneFeature>({
        id: "zone-names",
        data: this.zones.features,
        getPosition: (feature) => [feature.properties.label_lon, feature.properties.label_lat],
        getText: (feature) => zoneLabel(feature, multiplier(feature), detail),
        getSize: detail <= 0 ? 11 : 12,
        getColor: (feature) => (multiplier(feature) > 1 ? [255, 244, 224, 235] : [148, 170, 212, 150]),
        fontFamily: FONT,
        fontWeight: 600,
        characterSet: this.characters,
        fontSettings: { sdf: true, fontSize: 48, buffer: 8, radius: 14 },
        outlineWidth: 3,
        outlineColor: [7, 11, 20, 220],
        updateTriggers: { getText: [zones, detail], getColor: [zones], getSize: [detail] },
      }),
    ];
    return this.zonesLayers;
  }

  private hoverDriver(info: PickingInfo): boolean {
    const id = info.index >= 0 ? this.animator.idAt(info.index) : undefined;
    this.watcher.onHover(id === undefined ? null : { x: info.x, y: info.y, kind: "driver", id });
    return id !== undefined;
  }

  private hoverZone(info: PickingInfo): boolean {
    const feature = info.object as ZoneFeature | undefined;
    this.watcher.onHover(
      feature === undefined ? null : { x: info.x, y: info.y, kind: "zone", id: String(feature.id) },
    );
    return feature !== undefined;
  }

  private hoverAnomaly = (info: PickingInfo<Anomaly>): boolean => {
    const id = info.object?.anomaly_id;
    this.watcher.onHover(id === undefined ? null : { x: info.x, y: info.y, kind: "anomaly", id });
    return id !== undefined;
  };

  private clickAnomaly = (info: PickingInfo<Anomaly>): boolean => {
    const anomalyId = info.object?.anomaly_id ?? null;
    const isSame = anomalyId === this.store.current.selectedAnomaly;
    this.store.dispatch({ type: "selectAnomaly", anomalyId: isSame ? null : anomalyId });
    return true;
  };

  private lookSoon = (): void => {
    clearTimeout(this.looking);
    this.looking = setTimeout(this.look, LOOK_AFTER_MS);
  };

  private look = (): void => {
    const bounds = this.map.getBounds();
    const view = {
      west: bounds.getWest(),
      south: bounds.getSouth(),
      east: bounds.getEast(),
      north: bounds.getNorth(),
    };
    const next = nextViewport(view, this.city, this.store.current.viewport);
    if (next !== "keep") this.watcher.onLook(next);
  };

  private clickZone(info: PickingInfo): boolean {
    const feature = info.object as ZoneFeature | undefined;
    const zoneId = feature?.id ?? null;
    const isSame = zoneId === this.store.current.selectedZone;
    this.store.dispatch({ type: "selectZone", zoneId: isSame ? null : zoneId });
    return true;
  }
}

/** Room around what is flown to. */
function wider({ top, right, bottom, left }: Padding): Padding {
  return { top: top + 60, right: right + 60, bottom: bottom + 60, left: left + 60 };
}

function zoneLabel(feature: ZoneFeature, multiplier: number, detail: number): string {
  // On a phone the whole city is small: names would cover it.
  if (detail < 0) return "";
  const price = multiplier > 1 ? `${multiplier.toFixed(1)}×` : "";
  if (detail === 0) return price;
  const name = detail === 1 ? feature.properties.acronym : feature.properties.name;
  return price === "" ? name : `${name}\n${price}`;
}

function charactersOf(zones: ZoneCollection): string {
  const letters = zones.features.flatMap(({ properties }) => [...properties.name, ...properties.acronym]);
  return [...new Set([..."0123456789.× ", ...letters])].join("");
}

function corners({ west, south, east, north }: Viewport): [number, number, number, number] {
  return [west, south, east, north];
}
