/** Colours of drivers, zones and anomalies. Zones are warm, drivers cool or white, anomalies rings with a dark edge. */
import type { AnomalyKind, DriverStatus } from "../contracts";

export type Colour = readonly [number, number, number, number];

export const STATUS_COLOURS: Readonly<Record<DriverStatus, Colour>> = {
  available: [52, 211, 153, 255],
  en_route: [56, 189, 248, 255],
  at_pickup: [244, 114, 222, 255],
  on_trip: [248, 250, 252, 255],
  offline: [100, 116, 139, 255],
};

/** Light enough to be read on a panel (a test holds them to it). */
export const KIND_COLOURS: Readonly<Record<AnomalyKind, Colour>> = {
  zombie_driver: [255, 138, 148, 255],
  impossible_speed: [253, 224, 71, 255],
  outlier: [196, 181, 253, 255],
  frozen_gps: [103, 232, 249, 255],
};

export const STATUS_LABELS: Readonly<Record<DriverStatus, string>> = {
  available: "Available",
  en_route: "On the way to a rider",
  at_pickup: "At pickup",
  on_trip: "On a trip",
  offline: "Offline",
};

/** Multiplier and colour of the steps of the scale; between them colours are mixed. */
export const SURGE_STEPS: readonly (readonly [number, Colour])[] = [
  [1.0, [44, 62, 102, 70]],
  [1.1, [120, 88, 60, 130]],
  [1.4, [217, 119, 6, 150]],
  [2.0, [234, 88, 12, 175]],
  [3.0, [220, 38, 38, 205]],
];

export function surgeColour(multiplier: number): Colour {
  const first = SURGE_STEPS[0]!;
  if (multiplier <= first[0]) return first[1];
  for (let step = 1; step < SURGE_STEPS.length; step += 1) {
    const [low, lowColour] = SURGE_STEPS[step - 1]!;
    const [high, highColour] = SURGE_STEPS[step]!;
    if (multiplier <= high) {
      const share = (multiplier - low) / (high - low);
      return [0, 1, 2, 3].map((channel) =>
        Math.round(lowColour[channel]! + (highColour[channel]! - lowColour[channel]!) * share),
      ) as unknown as Colour;
    }
  }
  return SURGE_STEPS[SURGE_STEPS.length - 1]![1];
}

export function css(colour: Colour): string {
  return `rgba(${colour[0]},${colour[1]},${colour[2]},${(colour[3] / 255).toFixed(2)})`;
}
