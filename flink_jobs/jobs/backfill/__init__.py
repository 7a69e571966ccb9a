"""Windowed jobs once more over Bronze: bounded, without a clock, with nothing that is late.

Each module shares SQL and functions with the job of its name and differs where that reads: Bronze
holds every byte, so what came late to the running job is in its window here. Results are JSON
Lines in a folder; `farol jobs backfill` puts them into the lake. Nothing is written to Kafka or
Redis: a final window there is never replaced from here.
"""
