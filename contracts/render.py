"""Writes what is made from the contracts: `python -m contracts.render [--check]`.

The output is committed; `--check` writes nothing, names each file that differs and exits 1.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from contracts.rendering import dbt, dbt_rules, flink_ddl, iceberg, json_schema, typescript
from contracts.zones import generate, polygons

ROOT: Final = Path(__file__).resolve().parents[1]
_RENDERERS: Final[tuple[Callable[[], dict[str, str]], ...]] = (
    lambda: {"contracts/zones/cells.csv": generate.cells_csv()},
    lambda: {polygons.PATH: polygons.zones_geojson()},
    flink_ddl.render,
    json_schema.render,
    iceberg.render,
    dbt.render,
    dbt_rules.render,
    typescript.render,
)


def render() -> dict[str, str]:
    """Return the text of every rendered file by its path from the repository root."""
    files: dict[str, str] = {}
    for renderer in _RENDERERS:
        files |= renderer()
    return dict(sorted(files.items()))


def differing(files: Mapping[str, str], root: Path) -> list[str]:
    """Return the paths below `root` whose content is not the text given for them."""
    return [
        path
        for path, text in files.items()
        if not (root / path).is_file() or (root / path).read_bytes() != text.encode()
    ]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the rendered files below `root`, or with `--check` compare; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts.render", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 on a difference"
    )
    is_check = parser.parse_args(arguments).check
    files = render()
    stale = differing(files, root)
    for path in stale:
        sys.stdout.write(f"{'differs' if is_check else 'wrote'}: {path}\n")
        if not is_check:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[path].encode())
    if is_check and stale:
        sys.stdout.write("run `make contracts` and commit the result\n")
    return 1 if is_check and stale else 0


if __name__ == "__main__":  # pragma: no cover (tests call main)
    raise SystemExit(main())
