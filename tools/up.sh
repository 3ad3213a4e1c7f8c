#!/bin/sh
# What a newcomer sees first: the example platform validated, rendered and planned, and a few jobs that run on this
# machine, without any cluster.
set -eu
allot=$1
out=${ALLOTMENT_UP_OUT:-build/fleet-config}

step() { printf '\n\033[1m$ allot %s\033[0m\n' "$*"; "$allot" "$@"; }
[ -t 1 ] || step() { printf '\n$ allot %s\n' "$*"; "$allot" "$@"; }

step validate examples/acme
rm -rf "$out"
step render examples/acme --out "$out"
step plan examples/acme --cluster training-eastus --offline

# A server that runs already keeps its jobs, and gets no others.
if ! "$allot" ps -o name >/dev/null 2>&1; then
    step up --platform examples/acme
    step submit examples/jobs/morning/jobs.yaml --no-headers >/dev/null
    "$allot" wait train-llm --for running --timeout 20 2>/dev/null || true
fi
step ps

cat <<NEXT

What to type next
  $allot logs -f train-llm                     what a job of this machine writes; Ctrl-C stops looking
  $allot describe ranker                       why it waits; the jobs take up to ten minutes
  $allot run FILE.py --team nlp --gpus 1       a script of your own
  $allot down --stop-jobs                      end the jobs, and the server that runs them
  $allot why -A                                why each job waits, on the cluster that kubectl reaches; nothing is
                                                      installed there. Without one: --snapshot examples/snapshots/training-eastus.json
  $allot --help
  $allot init my-platform                      a commented starter directory of your own
  $allot team add robotics --platform examples/acme --accelerator a100=4 --cpu 32 --memory 128Gi --group grp-robotics --cost-center cc-2000 --dry-run=client
  $allot sandbox up training-eastus --platform examples/acme
                                                      a real control plane on this machine: kube-apiserver, Kueue and
                                                      fake GPU nodes (the first time builds it, about 16 minutes)
  make test                                           everything CI runs
NEXT
