"""Makes the toolchain below `.farol/tools` from pinned packages; see `steps` for the order.

The two Python environments are made before this runs, by `deploy/setup/environments.sh`.
"""
