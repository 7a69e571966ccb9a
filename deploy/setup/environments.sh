#!/bin/sh
# Makes the Python environments `.farol/tools/{app,flink}` from the hashed requirements, and
# `airflow` where an argument is `--airflow`.
# Does nothing when they are as the requirements say; safe when two callers come at once.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
tools=$root/.farol/tools
mkdir -p "$tools"
exec 9>"$tools/environments.lock"
flock 9

fail() {
    echo "farol: $*" >&2
    exit 1
}

command -v uv >/dev/null 2>&1 || fail "uv is missing. Install it with: python3.11 -m pip install --user uv==0.13.9"
launcher=$(command -v "${PYTHON:-python3.11}" 2>/dev/null) ||
    fail "CPython 3.11 is missing. Install it (apt install python3.11, pyenv install 3.11, or uv python install 3.11) or set PYTHON to it"
# a pyenv shim is not an interpreter: ask it for the real one
python=$("$launcher" -c 'import os, sys; print(os.path.realpath(sys.executable))') ||
    fail "$launcher does not run"
"$python" -c 'import sys; sys.exit(sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 11))' ||
    fail "$python is not CPython 3.11; set PYTHON to one"

if [ -n "${FAROL_CACHE:-}" ] && [ -z "${UV_CACHE_DIR:-}" ]; then
    UV_CACHE_DIR=$FAROL_CACHE/uv
    export UV_CACHE_DIR
fi

names="app flink"
for word in "$@"; do
    [ "$word" != --airflow ] || names="$names airflow"
done
for name in $names; do
    want=$(cat "$root/requirements/$name.txt" "$root/requirements/build.txt" | sha256sum | cut -d' ' -f1)
    stamp=$tools/$name/.farol-stamp
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want $python" ] && "$tools/$name/bin/python" -c '' 2>/dev/null; then
        continue
    fi
    echo "farol: installing Python packages of '$name' (about $(case $name in app) echo 400 ;; flink) echo 500 ;; *) echo 100 ;; esac) MB the first time)" >&2
    if [ -x "$tools/$name/bin/python" ] && "$tools/$name/bin/python" -c 'import os, sys; sys.exit(os.path.realpath(sys.executable) != sys.argv[1])' "$python" 2>/dev/null; then
        rm -f "$stamp"
    else
        uv venv --quiet --clear --python "$python" "$tools/$name"
    fi
    uv pip sync --require-hashes --build-constraints "$root/requirements/build.txt" \
        --python "$tools/$name/bin/python" "$root/requirements/$name.txt" ||
        fail "installing '$name' failed. Check the network and disk space, then run 'make setup' again; finished downloads are kept"
    printf '%s %s\n' "$want" "$python" >"$stamp"
done
