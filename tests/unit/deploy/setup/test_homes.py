import zipfile

import pytest

from deploy.setup.folders import place, replaced_folder
from deploy.setup.homes import write_job_jar


def test_the_job_jar_names_the_python_driver_and_is_always_the_same(tmp_path):
    write_job_jar(tmp_path / "a.jar")
    write_job_jar(tmp_path / "b.jar")

    with zipfile.ZipFile(tmp_path / "a.jar") as jar:
        assert jar.namelist() == ["META-INF/MANIFEST.MF"]
        manifest = jar.read("META-INF/MANIFEST.MF").decode()
    assert "Main-Class: org.apache.flink.client.python.PythonDriver\n" in manifest
    assert (tmp_path / "a.jar").read_bytes() == (tmp_path / "b.jar").read_bytes()


def test_a_failed_build_leaves_the_old_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "old").touch()

    def build() -> None:
        with replaced_folder(home) as fresh:
            (fresh / "new").touch()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build()

    assert [path.name for path in home.iterdir()] == ["old"]


def test_place_replaces_a_file_without_touching_what_it_was_linked_to(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    place(tmp_path / "one", tmp_path / "lib" / "x")
    place(tmp_path / "two", tmp_path / "lib" / "x")

    assert (tmp_path / "lib" / "x").read_text() == "two"
    assert (tmp_path / "one").read_text() == "one"
