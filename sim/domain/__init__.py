"""What is true in the city, without time, chance or I/O: start with `trip` and `scenario`."""
