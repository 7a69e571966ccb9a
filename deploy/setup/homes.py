"""Assemble the homes of the Java servers below `.farol/tools` from verified artifacts."""

import re
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.setup.folders import place, place_tree, replaced_folder
from deploy.setup.steps import SetupError

JOB_JAR: Final = "farol_python_jobs.jar"
PYTHON_DRIVER: Final = "org.apache.flink.client.python.PythonDriver"


def make_jar_folder(home: Path, jars: Sequence[Path]) -> None:
    """Make `home/lib` hold exactly these jars (Kafka and the catalog need no more)."""
    with replaced_folder(home) as fresh:
        for jar in jars:
            place(jar, fresh / "lib" / jar.name)


def make_flink_home(home: Path, pyflink: Path, jars: Sequence[Path], own_jar: Path) -> None:
    """Make a Flink home from the distribution inside the Python package.

    flink-python goes to lib/: a job is submitted through the JobManager, whose class path it is.
    """
    with replaced_folder(home) as fresh:
        for name in ("bin", "lib", "opt", "plugins"):
            place_tree(pyflink / name, fresh / name)
        (flink_python,) = (pyflink / "opt").glob("flink-python-*.jar")
        for jar in (*jars, flink_python, own_jar):
            place(jar, fresh / "lib" / jar.name)
        (fresh / "conf").mkdir()
        for source in (pyflink / "conf").iterdir():
            place(source, fresh / "conf" / source.name)
        (fresh / "usrlib").mkdir()
        write_job_jar(fresh / "usrlib" / JOB_JAR)


def flink_java_options(flink_home: Path) -> str:
    """Return the module options that Flink's own configuration file gives to every JVM."""
    text = (flink_home / "conf" / "config.yaml").read_text(encoding="utf-8")
    found = re.search(r"^ {6}all: (--add-exports.*)$", text, flags=re.MULTILINE)
    if not found:
        raise SetupError(f"no env.java.opts.all in {flink_home}/conf/config.yaml of the package")
    return found.group(1).strip()


def write_job_jar(path: Path) -> None:
    """Write a jar that only names Flink's Python driver, for the dashboard's submit form."""
    entry = zipfile.ZipInfo("META-INF/MANIFEST.MF", date_time=(1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr(entry, f"Manifest-Version: 1.0\nMain-Class: {PYTHON_DRIVER}\n\n")


def make_trino_home(home: Path, server_archive: Path, plugin_jars: Sequence[Path]) -> None:
    """Make a Trino home with the Iceberg connector alone."""
    with replaced_folder(home) as fresh:
        with tarfile.open(server_archive) as archive:
            for member in archive:
                parts = Path(member.name).parts
                if len(parts) == 3 and parts[1] == "lib" and (member.isfile() or member.islnk()):
                    source = archive.extractfile(member)
                    if source is None:
                        raise SetupError(f"{member.name} in {server_archive.name} has no content")
                    target = fresh / "lib" / parts[2]
                    target.parent.mkdir(exist_ok=True)
                    with source, target.open("wb") as sink:
                        while chunk := source.read(1 << 20):
                            sink.write(chunk)
        plugin = fresh / "plugin" / "iceberg"
        for jar in plugin_jars:
            place(jar, plugin / jar.name)
        # the plugin's jar, unlike its zip, does not say which class it offers
        with zipfile.ZipFile(plugin / "farol-services.jar", "w") as services:
            services.writestr(
                "META-INF/services/io.trino.spi.Plugin",
                "io.trino.plugin.iceberg.IcebergPlugin\n",
            )


def compile_java(java: Path, compiler: Path, sources: Path, libraries: Path, target: Path) -> None:
    """Compile `deploy/jvm/java` into one jar with the compiler that is itself a jar."""
    classpath = ":".join(str(jar) for jar in sorted(libraries.glob("*.jar")))
    with replaced_folder(target.parent) as fresh:
        classes = fresh / "classes"
        command = [
            *(str(java), "-jar", str(compiler), "-17", "-d", str(classes), "-warn:none"),
            *("-cp", classpath),
            *("--add-exports", "jdk.httpserver/sun.net.httpserver=ALL-UNNAMED"),
            *(str(path) for path in sorted(sources.rglob("*.java"))),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SetupError(f"compiling {sources} failed:\n{result.stdout}{result.stderr}")
        with zipfile.ZipFile(fresh / target.name, "w") as jar:
            for path in sorted(classes.rglob("*.class")):
                jar.write(path, path.relative_to(classes).as_posix())
