"""What is told before a start when the machine is too small."""

from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from deploy.local import preflight
from deploy.local.layout import Layout
from deploy.local.services import services

_Disk = namedtuple("_Disk", "total used free")
_Memory = namedtuple("_Memory", "available")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.from_environment({"FAROL_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)})


def test_too_little_memory_names_the_services_and_what_to_do(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: _Memory(512 * 2**20))
    with pytest.raises(preflight.PreflightError, match=r"trino.* 512 MB are available.*--no trino"):
        preflight.check_memory(services(layout))


def test_too_little_disk_names_the_folder_and_what_to_do(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: _Disk(0, 0, 100 * 2**20))
    with pytest.raises(preflight.PreflightError, match=r"home has 100 MB .*set FAROL_HOME"):
        preflight.check_disk(layout)
    with pytest.raises(preflight.PreflightError, match=r"cache has 100 MB .*set FAROL_CACHE"):
        preflight.check_space(tmp_path / "tools", tmp_path / "cache")


def test_a_machine_with_room_passes(layout: Layout, tmp_path: Path) -> None:
    preflight.check_disk(layout)
    preflight.check_space(tmp_path / "tools", tmp_path / "cache")
    assert (tmp_path / "tools").is_dir()
