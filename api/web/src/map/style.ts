/** The base map: drawn from our own zones, without any outside host; raster tiles only where the operator set them. */
import type { StyleSpecification } from "maplibre-gl";
import type { MapSettings, ZoneCollection } from "./zones";

export function baseStyle(zones: ZoneCollection, settings: MapSettings): StyleSpecification {
  const style: StyleSpecification = {
    version: 8,
    sources: {
      zones: { type: "geojson", data: zones as unknown as GeoJSON.FeatureCollection },
    },
    layers: [{ id: "ground", type: "background", paint: { "background-color": "#070b14" } }],
  };
  if (settings.tile_url !== null) {
    style.sources["tiles"] = {
      type: "raster",
      tiles: [settings.tile_url],
      tileSize: 256,
      attribution: settings.tile_attribution,
    };
    style.layers.push({
      id: "tiles",
      type: "raster",
      source: "tiles",
      paint: { "raster-opacity": 0.35, "raster-saturation": -0.8, "raster-brightness-max": 0.7 },
    });
  }
  style.layers.push(
    {
      id: "city",
      type: "fill",
      source: "zones",
      paint: { "fill-color": "#0f1a30", "fill-opacity": settings.tile_url === null ? 1 : 0.35 },
    },
    {
      id: "city-glow",
      type: "line",
      source: "zones",
      paint: { "line-color": "#31508a", "line-opacity": 0.16, "line-width": 5, "line-blur": 5 },
    },
  );
  return style;
}
