/**
 * Moves every driver smoothly from ping to ping. Pure arithmetic on arrays: time is given, nothing is drawn here.
 *
 * A new ping starts a glide from where the driver is drawn now to where the ping says, lasting about as long as pings of
 * that driver are apart; so drivers neither stop and go nor run ahead of what is known.
 */
const FIRST_INTERVAL_MS = 400;
const SHORTEST_MS = 80;
const LONGEST_MS = 4000;
/** A ping farther away than this is a jump (a tunnel, a fault, a new run), not a drive: about 2.2 km. */
const JUMP_DEG = 0.02;
const STRETCH = 1.1;

export interface Target {
  readonly lon: number;
  readonly lat: number;
}

export class Animator {
  private capacity = 256;
  private from = new Float64Array(this.capacity * 2);
  private to = new Float64Array(this.capacity * 2);
  private startMs = new Float64Array(this.capacity);
  private durationMs = new Float64Array(this.capacity);
  private intervalMs = new Float64Array(this.capacity);
  private readonly slots = new Map<string, number>();
  private readonly ids: string[] = [];

  constructor(private readonly isReduced = false) {}

  get count(): number {
    return this.ids.length;
  }

  idAt(slot: number): string | undefined {
    return this.ids[slot];
  }

  has(id: string): boolean {
    return this.slots.has(id);
  }

  /** Take a ping; `isFresh` sets the driver down there without a glide. */
  place(id: string, target: Target, nowMs: number, isFresh = false): void {
    let slot = this.slots.get(id);
    const isNew = slot === undefined;
    if (slot === undefined) {
      slot = this.ids.length;
      this.ids.push(id);
      this.slots.set(id, slot);
      this.grow(slot + 1);
      this.intervalMs[slot] = FIRST_INTERVAL_MS;
    } else {
      const sinceMs = clamp(nowMs - this.startMs[slot]!, SHORTEST_MS, LONGEST_MS);
      this.intervalMs[slot] = 0.7 * this.intervalMs[slot]! + 0.3 * sinceMs;
    }
    const [lon, lat] = isNew ? [target.lon, target.lat] : this.at(slot, nowMs);
    const isJump = Math.abs(target.lon - lon) > JUMP_DEG || Math.abs(target.lat - lat) > JUMP_DEG;
    const isSet = isNew || isFresh || isJump || this.isReduced;
    this.from[2 * slot] = isSet ? target.lon : lon;
    this.from[2 * slot + 1] = isSet ? target.lat : lat;
    this.to[2 * slot] = target.lon;
    this.to[2 * slot + 1] = target.lat;
    this.startMs[slot] = nowMs;
    this.durationMs[slot] = isSet ? 0 : this.intervalMs[slot]! * STRETCH;
  }

  /** Forget a driver; the last slot moves into the gap, so that the arrays stay dense. */
  remove(id: string): void {
    const slot = this.slots.get(id);
    if (slot === undefined) return;
    const last = this.ids.length - 1;
    const moved = this.ids[last]!;
    for (const array of [this.from, this.to]) {
      array[2 * slot] = array[2 * last]!;
      array[2 * slot + 1] = array[2 * last + 1]!;
    }
    for (const array of [this.startMs, this.durationMs, this.intervalMs]) array[slot] = array[last]!;
    this.ids[slot] = moved;
    this.slots.set(moved, slot);
    this.ids.pop();
    this.slots.delete(id);
  }

  /** Where a driver is drawn at this moment. */
  position(id: string, nowMs: number): Target | null {
    const slot = this.slots.get(id);
    if (slot === undefined) return null;
    const [lon, lat] = this.at(slot, nowMs);
    return { lon, lat };
  }

  /** Write lon, lat of every driver, in the order of the slots. */
  fill(out: Float32Array, nowMs: number): void {
    for (let slot = 0; slot < this.ids.length; slot += 1) {
      const share = this.share(slot, nowMs);
      for (const axis of [2 * slot, 2 * slot + 1]) {
        out[axis] = this.from[axis]! + (this.to[axis]! - this.from[axis]!) * share;
      }
    }
  }

  private at(slot: number, nowMs: number): [number, number] {
    const share = this.share(slot, nowMs);
    const [lon, lat] = [2 * slot, 2 * slot + 1];
    return [
      this.from[lon]! + (this.to[lon]! - this.from[lon]!) * share,
      this.from[lat]! + (this.to[lat]! - this.from[lat]!) * share,
    ];
  }

  private share(slot: number, nowMs: number): number {
    const duration = this.durationMs[slot]!;
    return duration <= 0 ? 1 : clamp((nowMs - this.startMs[slot]!) / duration, 0, 1);
  }

  private grow(needed: number): void {
    if (needed <= this.capacity) return;
    this.capacity *= 2;
    this.from = copied(this.from, this.capacity * 2);
    this.to = copied(this.to, this.capacity * 2);
    this.startMs = copied(this.startMs, this.capacity);
    this.durationMs = copied(this.durationMs, this.capacity);
    this.intervalMs = copied(this.intervalMs, this.capacity);
  }
}

function copied(source: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const target = new Float64Array(length);
  target.set(source);
  return target;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
