#!/bin/sh
# Everything CI runs. The control plane for the live tests is built in the background meanwhile: the first time that
# takes about 16 minutes on two cores, later no time at all.
set -eu
bin=$1
log=${TMPDIR:-/tmp}/allotment-sandbox-build.$$.log

nice -n 5 "$bin/allot" sandbox build --with jobset --with leaderworkerset --with rayjob --with trainjob >"$log" 2>&1 &
build=$!
# It waits for the other's lock, then builds what the other does not.
nice -n 5 "$bin/python" -m tools.build_prometheus >/dev/null 2>&1 &
metrics=$!
trap 'kill "$build" "$metrics" 2>/dev/null || true; rm -f "$log"' EXIT INT TERM

# What did not change since the last run on this machine is not checked for its types again.
MYPY_CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/allotment/mypy make lint
make unit
make corpus
echo "test: waiting for the control plane to be built (16 minutes on two cores the first time); last words:" >&2
tail -n 1 "$log" >&2 || true
if ! wait "$build"; then
    echo "test: building the control plane failed:" >&2
    tail -n 30 "$log" >&2
    exit 1
fi
# A failure of this one is told by `make live`, which does it again.
wait "$metrics" || true
make live
