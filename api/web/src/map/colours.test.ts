import { expect, it } from "vitest";
import { SURGE_STEPS, surgeColour } from "./colours";

it("gives each step its colour, mixes between them and stays on the scale", () => {
  for (const [multiplier, colour] of SURGE_STEPS) expect(surgeColour(multiplier)).toEqual(colour);
  expect(surgeColour(0.5)).toEqual(SURGE_STEPS[0]![1]);
  expect(surgeColour(9)).toEqual(SURGE_STEPS[SURGE_STEPS.length - 1]![1]);
  const [red] = surgeColour(1.2);
  expect(red).toBeGreaterThan(SURGE_STEPS[1]![1][0]);
  expect(red).toBeLessThan(SURGE_STEPS[2]![1][0]);
});
