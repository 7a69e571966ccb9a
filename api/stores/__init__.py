"""What answers from outside: `redis` (newest values), `trino` (readiness only, for now).

Stores know keys and encodings; what a question means is decided in `services`.
"""
