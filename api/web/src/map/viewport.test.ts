import { describe, expect, it } from "vitest";
import type { Viewport } from "../contracts";
import { covers, nextViewport } from "./viewport";

const box = (west: number, south: number, east: number, north: number): Viewport => ({
  west,
  south,
  east,
  north,
});
const CITY = box(-46.8, -23.8, -46.4, -23.4);
const NEAR = box(-46.7, -23.6, -46.6, -23.5);

describe("the part of the map to ask for", () => {
  it("is everything as long as the city is in view", () => {
    expect(nextViewport(box(-47, -24, -46, -23), CITY, null)).toBe("keep");
    expect(nextViewport(box(-46.7999, -24, -46, -23), CITY, null)).toBe("keep");
    expect(nextViewport(box(-47, -24, -46, -23), CITY, NEAR)).toBeNull();
  });

  it("is the view and a margin when one looks closer", () => {
    const asked = nextViewport(NEAR, CITY, null);
    expect(asked).not.toBe("keep");
    const wanted = asked as Viewport;
    expect(covers(wanted, NEAR)).toBe(true);
    expect(wanted.west).toBeCloseTo(-46.725);
    expect(wanted.north).toBeCloseTo(-23.475);
  });

  it("stays for a short drag, and moves with a long one", () => {
    const current = nextViewport(NEAR, CITY, null) as Viewport;
    const moved = (by: number) => box(NEAR.west + by, NEAR.south, NEAR.east + by, NEAR.north);
    expect(nextViewport(moved(0.02), CITY, current)).toBe("keep");
    const next = nextViewport(moved(0.03), CITY, current) as Viewport;
    expect(covers(next, moved(0.03))).toBe(true);
  });

  it("shrinks only when much would be sent for nothing", () => {
    const current = nextViewport(NEAR, CITY, null) as Viewport;
    expect(nextViewport(box(-46.68, -23.58, -46.61, -23.51), CITY, current)).toBe("keep");
    const close = box(-46.66, -23.56, -46.64, -23.54);
    expect(covers(NEAR, nextViewport(close, CITY, current) as Viewport)).toBe(true);
  });

  it("stays on earth", () => {
    const asked = nextViewport(box(-179, -80, 179, -24), CITY, null) as Viewport;
    expect(covers(box(-180, -90, 180, 90), asked)).toBe(true);
  });
});
