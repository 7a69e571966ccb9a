import { expect, it } from "vitest";
import { KIND_COLOURS, SURGE_STEPS, surgeColour } from "./colours";

/** Relative luminance, WCAG 2.2. */
function luminance(colour: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = colour.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

it("shows anomalies in colours that stand out from panels and ground", () => {
  for (const ground of [[13, 20, 36], [7, 11, 20]]) {
    for (const colour of Object.values(KIND_COLOURS)) {
      expect((luminance(colour) + 0.05) / (luminance(ground) + 0.05)).toBeGreaterThan(7);
    }
  }
});

it("gives each step its colour, mixes between them and stays on the scale", () => {
  for (const [multiplier, colour] of SURGE_STEPS) expect(surgeColour(multiplier)).toEqual(colour);
  expect(surgeColour(0.5)).toEqual(SURGE_STEPS[0]![1]);
  expect(surgeColour(9)).toEqual(SURGE_STEPS[SURGE_STEPS.length - 1]![1]);
  const [red] = surgeColour(1.2);
  expect(red).toBeGreaterThan(SURGE_STEPS[1]![1][0]);
  expect(red).toBeLessThan(SURGE_STEPS[2]![1][0]);
});
