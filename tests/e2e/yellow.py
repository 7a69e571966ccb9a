"""Files of taxi trips in the NYC TLC format, made from a seed."""

import csv
import datetime as dt
import random
from pathlib import Path


def yellow_csv(path: Path, rows: int, seed: int) -> Path:
    """Write one day of trips as the NYC TLC does, in random order of pickup."""
    chance = random.Random(seed)
    midnight = dt.datetime(2019, 1, 15)  # noqa: DTZ001 - local time, as in these files
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            [
                *("tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID"),
                *("DOLocationID", "trip_distance", "fare_amount"),
            ]
        )
        for _ in range(rows):
            began = midnight + dt.timedelta(seconds=chance.randrange(86_400))
            ended = began + dt.timedelta(seconds=chance.randrange(60, 3600))
            distance = f"{chance.uniform(0.1, 20):.2f}"
            fare = f"{chance.uniform(2.5, 80):.2f}"
            zones = (chance.randrange(1, 264), chance.randrange(1, 264))
            table.writerow([began, ended, *zones, distance, fare])
    return path
