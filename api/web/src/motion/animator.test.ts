import { describe, expect, it } from "vitest";
import { Animator } from "./animator";

const HERE = { lon: -46.6, lat: -23.5 };
const THERE = { lon: -46.599, lat: -23.501 };

describe("Animator", () => {
  it("sets a new driver down where the ping says", () => {
    const animator = new Animator();
    animator.place("a", HERE, 0);
    expect(animator.position("a", 0)).toEqual(HERE);
    expect(animator.position("b", 0)).toBeNull();
  });

  it("glides to the next ping without stepping back or overshooting", () => {
    const animator = new Animator();
    animator.place("a", HERE, 0);
    animator.place("a", THERE, 400);
    const lons = [400, 500, 600, 700, 2000].map((now) => animator.position("a", now)!.lon);
    expect(lons[0]).toBeCloseTo(HERE.lon, 9);
    expect([...lons].sort((a, b) => a - b)).toEqual(lons);
    expect(lons[2]).toBeGreaterThan(HERE.lon);
    expect(lons[2]).toBeLessThan(THERE.lon);
    expect(lons[4]).toBe(THERE.lon);
  });

  it("starts the next glide from where the driver is drawn", () => {
    const animator = new Animator();
    animator.place("a", HERE, 0);
    animator.place("a", THERE, 400);
    const drawn = animator.position("a", 500)!;
    animator.place("a", HERE, 500);
    expect(animator.position("a", 500)).toEqual(drawn);
  });

  it("does not glide across a jump, after a snapshot, or when motion is to be reduced", () => {
    const far = { lon: -46.5, lat: -23.5 };
    const jumping = new Animator();
    jumping.place("a", HERE, 0);
    jumping.place("a", far, 100);
    expect(jumping.position("a", 100)).toEqual(far);
    const fresh = new Animator();
    fresh.place("a", HERE, 0);
    fresh.place("a", THERE, 100, true);
    expect(fresh.position("a", 100)).toEqual(THERE);
    const reduced = new Animator(true);
    reduced.place("a", HERE, 0);
    reduced.place("a", THERE, 100);
    expect(reduced.position("a", 100)).toEqual(THERE);
  });

  it("keeps slots dense when drivers go, and grows past its first capacity", () => {
    const animator = new Animator();
    for (let number = 0; number < 1000; number += 1) {
      animator.place(`d${number}`, { lon: number / 1000, lat: 1 }, 0);
    }
    for (let number = 0; number < 1000; number += 2) animator.remove(`d${number}`);
    animator.remove("unknown");
    expect(animator.count).toBe(500);
    const out = new Float32Array(1000);
    animator.fill(out, 0);
    for (let slot = 0; slot < animator.count; slot += 1) {
      const number = Number(animator.idAt(slot)!.slice(1));
      expect(number % 2).toBe(1);
      expect(out[2 * slot]).toBeCloseTo(number / 1000, 5);
    }
    expect(animator.has("d1")).toBe(true);
    expect(animator.has("d2")).toBe(false);
  });
});
