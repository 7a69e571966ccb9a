import pytest

from deploy.jvm.lockfile import Coordinate, LockError, parse_lock, read_lock, render_lock


@pytest.mark.parametrize(
    ("text", "filename"),
    [
        ("g.h:a:1", "a-1.jar"),
        ("g.h:a:1:tests", "a-1-tests.jar"),
        ("g.h:a:1::tar.gz", "a-1.tar.gz"),
        ("g.h:a:1:tests:zip", "a-1-tests.zip"),
    ],
)
def test_a_coordinate_is_read_and_written_back(text, filename):
    coordinate = Coordinate.parse(text)

    assert str(coordinate) == text
    assert coordinate.path == f"g/h/a/1/{filename}"


@pytest.mark.parametrize("text", ["", "g:a", "g::1", "g:a:1:c:jar:more"])
def test_what_is_no_coordinate_is_refused(text):
    with pytest.raises(LockError, match="not a coordinate"):
        Coordinate.parse(text)


@pytest.mark.parametrize(
    "line", ["kafka g:a:1", "kafka g:a:1 abc 12", f"kafka g:a:1 {'0' * 64} twelve"]
)
def test_a_damaged_line_is_named(line):
    with pytest.raises(LockError, match="line 2"):
        parse_lock(f"kafka g:a:1 {'0' * 64} 12\n{line}\n")


def test_the_lock_of_the_repository_is_sorted_and_pins_every_set():
    files = read_lock()

    assert render_lock(files) == render_lock(reversed(files))
    assert {file.set_name for file in files} == {
        *("kafka", "flink", "catalog", "compiler", "trino-server", "trino-iceberg"),
    }
    assert len({(f.set_name, f.coordinate) for f in files}) == len(files)
