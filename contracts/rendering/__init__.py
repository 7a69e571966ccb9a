"""One module per output made from the contracts.

Each returns text by path and writes nothing; `contracts.render` writes.
"""
