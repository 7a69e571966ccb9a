/** Numbers and times as people read them. */
const CITY_CLOCK = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/Sao_Paulo",
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const CITY_DATE = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/Sao_Paulo",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function whole(value: number): string {
  return WHOLE.format(value);
}

export function cityClock(epochMs: number | null): string {
  return epochMs === null ? "no event yet" : CITY_CLOCK.format(epochMs);
}

export function cityDate(epochMs: number | null): string {
  return epochMs === null ? "" : CITY_DATE.format(epochMs);
}

export function times(multiplier: number): string {
  return `${multiplier.toFixed(1)}×`;
}
