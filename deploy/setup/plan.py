"""The set-up as a list of steps, and `prepare`, which runs those that are due."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from filelock import FileLock
from rich.console import Console

from deploy.jvm.download import DownloadError
from deploy.jvm.lockfile import LOCK_FILE, LockedFile, read_lock
from deploy.local.layout import Layout
from deploy.setup import binaries, homes
from deploy.setup.jars import fetch_all
from deploy.setup.steps import SetupError, Step, fingerprint_of, is_due, read_stamps, run_due

_HERE: Final = Path(__file__).resolve().parent
_JAVA_SOURCES: Final = _HERE.parent / "jvm" / "java"
_WEB_INPUTS: Final = ("package.json", "package-lock.json", "index.html", "vite.config.ts")


def _locked(files: tuple[LockedFile, ...], *sets: str) -> str:
    return "\n".join(str(file) for file in files if file.set_name in sets)


def _web_sources(web: Path) -> list[Path]:
    named = [web / name for name in _WEB_INPUTS]
    below = [p for folder in ("src", "public") for p in sorted((web / folder).rglob("*"))]
    return [path for path in [*named, *below] if path.is_file()]


def java_steps(
    layout: Layout, files: tuple[LockedFile, ...], jars: Callable[[str], list[Path]]
) -> list[Step]:
    """Return the steps that assemble the Java servers' homes."""
    tools, builder = layout.tools, _HERE / "homes.py"
    pyflink = tools / "flink" / "lib" / "python3.11" / "site-packages" / "pyflink"
    requirements = layout.repository / "requirements" / "flink.txt"
    own_jar = tools / "java" / "farol.jar"

    def folder(name: str) -> Step:
        home = tools / name
        return Step(
            name=f"{name} home",
            fingerprint=fingerprint_of(_locked(files, name), builder),
            results=(home / "lib",),
            run=lambda: homes.make_jar_folder(home, jars(name)),
        )

    own_step = Step(
        name="classes for Flink's servers",
        fingerprint=fingerprint_of(
            _locked(files, "compiler"),
            builder,
            requirements,
            *sorted(_JAVA_SOURCES.rglob("*.java")),
        ),
        results=(own_jar,),
        run=lambda: homes.compile_java(
            layout.java_home("flink") / "bin" / "java",
            jars("compiler")[0],
            _JAVA_SOURCES,
            pyflink / "lib",
            own_jar,
        ),
    )
    flink_step = Step(
        name="flink home",
        fingerprint=fingerprint_of(
            _locked(files, "flink"), builder, requirements, own_step.fingerprint
        ),
        results=(tools / "flink-home" / "lib", tools / "flink-home" / "usrlib" / homes.JOB_JAR),
        run=lambda: homes.make_flink_home(tools / "flink-home", pyflink, jars("flink"), own_jar),
    )
    trino_step = Step(
        name="trino home",
        fingerprint=fingerprint_of(_locked(files, "trino-server", "trino-iceberg"), builder),
        results=(tools / "trino" / "lib", tools / "trino" / "plugin"),
        run=lambda: homes.make_trino_home(
            tools / "trino", jars("trino-server")[0], jars("trino-iceberg")
        ),
    )
    return [folder("kafka"), folder("catalog"), own_step, flink_step, trino_step]


def binary_steps(layout: Layout, *, with_browser: bool) -> list[Step]:
    """Return the steps for programs from Python and npm packages."""
    requirements = layout.repository / "requirements" / "app.txt"
    builder = _HERE / "binaries.py"
    steps = [
        Step(
            name="program links",
            fingerprint=fingerprint_of(requirements, builder),
            results=tuple(layout.tools / "bin" / name for name in binaries.node_links(layout)),
            run=lambda: binaries.make_links(layout),
        )
    ]
    if with_browser:
        sources = layout.repository / "deploy" / "browser"
        steps.append(
            Step(
                name="browser for the tests",
                fingerprint=fingerprint_of(sources / "package-lock.json", builder),
                results=(layout.tools / "browser" / "chromium",),
                run=lambda: binaries.make_browser(layout),
            )
        )
    web = layout.repository / "api" / "web"
    if (web / "package.json").is_file():
        steps.append(
            Step(
                name="map page",
                fingerprint=fingerprint_of(*_web_sources(web)),
                results=(web / "dist" / "index.html",),
                run=lambda: binaries.build_web(layout),
            )
        )
    return steps


def prepare(layout: Layout, console: Console, *, with_browser: bool = True) -> list[str]:
    """Bring the toolchain to what the repository asks for and return the steps that ran.

    Every locked artifact is verified on every call; nothing is fetched when all is as locked.

    Raises:
        SetupError: A step failed.
        DownloadError: A file could not be fetched or verified.
    """
    layout.tools.mkdir(parents=True, exist_ok=True)
    # the demo and the tests of one clone may set up at the same time
    with FileLock(layout.tools / "setup.lock"):
        files = read_lock()
        by_set = fetch_all(files, layout.cache, console)
        steps = java_steps(layout, files, by_set.__getitem__)
        steps += binary_steps(layout, with_browser=with_browser)
        return run_due(steps, layout.tools, lambda name: console.print(f"making: {name}"))


def missing_tools(layout: Layout) -> list[str]:
    """Return the names of steps that are due; empty means that the stack can start."""

    def no_jars(_set_name: str) -> list[Path]:
        return []

    if not LOCK_FILE.is_file():
        return ["jars.lock"]
    steps = java_steps(layout, read_lock(), no_jars) + binary_steps(layout, with_browser=False)
    stamps = read_stamps(layout.tools)
    # the map can be old while somebody works on it; the API says so itself when it is missing
    return [s.name for s in steps if s.name != "map page" and is_due(s, stamps)]


__all__ = ["DownloadError", "SetupError", "missing_tools", "prepare"]
