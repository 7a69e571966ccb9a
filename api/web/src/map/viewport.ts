/** Which part of the map to ask positions of: what is in view and some more, or the whole city. Pure. */
import type { Viewport } from "../contracts";

/** How much is asked for beyond each edge of the view, as a share of its size: short drags need no question. */
const MARGIN = 0.25;
/** A view that lacks this much of the city on a side still counts as all of it. */
const TOLERANCE = 0.02;
/** After zooming in, a subscription this many times larger than needed is given up. */
const WASTE = 4;

/** The subscription for a view: a box, null for the whole city, "keep" where the present one serves. */
export function nextViewport(
  view: Viewport,
  city: Viewport,
  current: Viewport | null,
): Viewport | null | "keep" {
  if (covers(view, grown(city, -TOLERANCE))) return current === null ? "keep" : null;
  const wanted = onEarth(grown(view, MARGIN));
  if (current !== null && covers(current, view) && area(current) <= WASTE * area(wanted)) return "keep";
  return wanted;
}

export function covers(outer: Viewport, inner: Viewport): boolean {
  return (
    outer.west <= inner.west &&
    outer.south <= inner.south &&
    outer.east >= inner.east &&
    outer.north >= inner.north
  );
}

function grown(box: Viewport, share: number): Viewport {
  const wide = (box.east - box.west) * share;
  const high = (box.north - box.south) * share;
  return {
    west: box.west - wide,
    south: box.south - high,
    east: box.east + wide,
    north: box.north + high,
  };
}

function onEarth(box: Viewport): Viewport {
  return {
    west: Math.max(-180, box.west),
    south: Math.max(-90, box.south),
    east: Math.min(180, box.east),
    north: Math.min(90, box.north),
  };
}

function area(box: Viewport): number {
  return (box.east - box.west) * (box.north - box.south);
}
