"""Figures as text for people."""

from typing import Final

from sim.domain.kpis import Kpis

LABELS: Final[dict[str, tuple[str, str]]] = {
    "requests": ("requests", "{:,.0f}"),
    "completed": ("completed trips", "{:,.0f}"),
    "completion_share": ("completion", "{:.1%}"),
    "cancelled_by_rider_share": ("cancelled by riders", "{:.1%}"),
    "cancelled_by_driver_share": ("cancelled by drivers", "{:.1%}"),
    "no_show_share": ("riders not there", "{:.1%}"),
    "matched_cancelled_share": ("by drivers, of matched", "{:.1%}"),
    "cancelled_without_driver_share": ("ended without a driver", "{:.1%}"),
    "wait_p50_s": ("wait p50 (s)", "{:,.0f}"),
    "wait_p90_s": ("wait p90 (s)", "{:,.0f}"),
    "match_p50_s": ("match p50 (s)", "{:,.0f}"),
    "offers_per_request": ("offers per request", "{:.2f}"),
    "utilisation_share": ("utilisation", "{:.1%}"),
    "occupancy_share": ("occupancy", "{:.1%}"),
    "trips_per_online_hour": ("trips per online hour", "{:.2f}"),
    "trip_mean_m": ("trip length (m)", "{:,.0f}"),
    "trip_mean_s": ("trip duration (s)", "{:,.0f}"),
    "fare_mean_minor": ("fare (centavos)", "{:,.0f}"),
    "revenue_minor": ("revenue (centavos)", "{:,.0f}"),
    "fee_minor": ("platform fees (centavos)", "{:,.0f}"),
    "surge_share": ("requests under surge", "{:.1%}"),
    "surge_mean": ("mean multiplier", "{:.3f}"),
}
"""Label and format of every figure; a test compares the keys with `Kpis`."""


def table(kpis: Kpis) -> str:
    """Return the figures, one per line."""
    lines = []
    for field, (label, form) in LABELS.items():
        lines.append(f"{label:<26}{form.format(getattr(kpis, field)):>16}")
    return "\n".join(lines) + "\n"
