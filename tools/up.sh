#!/bin/sh
# What a newcomer sees first: the server of this machine with the example platform, a few jobs that run here, and the
# portal, without any cluster.
set -eu
allot=$1

step() { printf '\n\033[1m$ allot %s\033[0m\n' "$*"; "$allot" "$@"; }
[ -t 1 ] || step() { printf '\n$ allot %s\n' "$*"; "$allot" "$@"; }

# Where nothing has ever run, example jobs come along; a server that runs already keeps its own, and gets no others.
step up --no-open
"$allot" wait example-train-llm --for running --timeout 20 >/dev/null 2>&1 || true
step ps --all

cat <<NEXT

What to type next
  $allot logs -f example-train-llm             what a job of this machine writes; Ctrl-C stops looking
  $allot describe example-ranker               why it waits; the jobs take up to ten minutes
  $allot run FILE.py --team nlp --gpus 1       a script of your own
  make down                                             end the jobs, and the server that runs them
  $allot up --demo                             after that: a living fleet of 4 clusters, 600 nodes, 40 teams, made up
  $allot why -A                                why each job waits, on the cluster that kubectl reaches; nothing is
                                                        installed there. Without one: --snapshot examples/snapshots/training-eastus.json
  $allot --help
  $allot validate examples/acme                the platform directory that is served: render, plan and apply take it
  $allot init my-platform                      a commented starter directory of your own
  $allot sandbox up training-eastus --platform examples/acme
                                                        a real control plane on this machine: kube-apiserver, Kueue and
                                                        fake GPU nodes (the first time builds it, about 16 minutes)
  make test                                             everything CI runs

NEXT
"$allot" open || true
