#!/bin/sh
# A virtual environment with the locked dependencies and Allotment itself: by uv where present, by pip otherwise.
set -eu
venv=$1

if command -v uv >/dev/null 2>&1; then
    echo "setup: installing the locked dependencies with uv" >&2
    # uv finds a Python of its own choice when the machine's is too old.
    [ -x "$venv/bin/python" ] || uv venv --quiet --python '>=3.11,<3.14' "$venv"
    uv pip install --quiet --python "$venv/bin/python" --require-hashes --requirement requirements/dev.txt
    uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
    exit 0
fi

if [ ! -x "$venv/bin/python" ]; then
    for candidate in python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    if [ -z "${python:-}" ]; then
        echo "setup: no Python 3.11, 3.12 or 3.13 found on PATH; install one and run make again" >&2
        exit 1
    fi
    echo "setup: making a virtual environment in $venv with $python; the dependencies come next, some minutes in all" >&2
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        echo "setup: $python has no venv module; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
fi
echo "setup: installing the locked dependencies with pip" >&2
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
"$venv/bin/python" -m pip install --quiet --require-hashes --requirement requirements/dev.txt
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
