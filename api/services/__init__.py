"""One question each: positions in a box, surge, windows of a region, counts, zones, readiness.

Services say what they need as a Protocol beside them; they know neither HTTP nor Redis.
"""
