/** The zones as the API gives them, and what is computed from them once. */
import type { Viewport } from "../contracts";

export interface ZoneProperties {
  readonly zone_id: number;
  readonly name: string;
  readonly acronym: string;
  readonly subprefecture: string;
  readonly label_lat: number;
  readonly label_lon: number;
}

export interface ZoneFeature {
  readonly type: "Feature";
  readonly id: number;
  readonly properties: ZoneProperties;
  readonly geometry: { readonly type: "MultiPolygon"; readonly coordinates: number[][][][] };
}

export interface ZoneCollection {
  readonly type: "FeatureCollection";
  readonly features: readonly ZoneFeature[];
}

export interface MapSettings {
  readonly domain: string;
  readonly tile_url: string | null;
  readonly tile_attribution: string;
  readonly surge_cap: number;
}

/** What the page shows at first: most of the traffic is in the northern part; the far south is water and forest. */
export function cityOf(features: readonly ZoneFeature[]): Viewport {
  const box = boundsOf(features);
  return { ...box, south: box.south + 0.42 * (box.north - box.south) };
}

export function boundsOf(features: readonly ZoneFeature[]): Viewport {
  const box = { west: 180, south: 90, east: -180, north: -90 };
  for (const feature of features) {
    for (const polygon of feature.geometry.coordinates) {
      for (const [lon = 0, lat = 0] of polygon[0] ?? []) {
        box.west = Math.min(box.west, lon);
        box.east = Math.max(box.east, lon);
        box.south = Math.min(box.south, lat);
        box.north = Math.max(box.north, lat);
      }
    }
  }
  return box;
}
