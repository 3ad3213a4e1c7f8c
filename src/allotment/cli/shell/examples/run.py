"""Examples of the commands that run work on this machine."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

_SERVER: Final = ExampleNeeds.SERVER

EXAMPLES: Final[CommandExamples] = {
    ("up",): (
        Example("allot up", "start it, for the platform of the current directory or an example", _SERVER),
        Example("allot up -o json", "what it is, for a script", _SERVER),
    ),
    ("open",): (
        Example("allot open --server https://allotment.acme.example:7433 --no-input", "only tell its address"),
    ),
    ("down",): (Example("allot down", "jobs run on", _SERVER),),
    ("run",): (
        Example("allot run train.py --team nlp --gpus 2 -- --epochs 3", "with arguments of its own", _SERVER),
        Example("allot run train.py --team nlp --checkpoint ckpt -d", "it may be displaced; do not look on", _SERVER),
    ),
    ("submit",): (
        Example("allot submit job.yaml", "all jobs of a file", _SERVER),
        Example("allot submit job.yaml --dry-run=server", "price, start, whom it would displace", _SERVER),
        Example("allot submit job.yaml --follow", "and the log of the one", _SERVER),
    ),
    ("ps",): (
        Example("allot ps", "what waits and runs", _SERVER),
        Example("allot ps -a --team nlp -o wide", "what is over, too", _SERVER),
        Example("allot ps --of train", "the trials of a sweep, the runs of a schedule", _SERVER),
    ),
    ("logs",): (
        Example("allot logs train --tail 20", "the newest job of that name", _SERVER),
        Example("allot logs train --grep 'loss=*nan'", "only lines that hold it", _SERVER),
    ),
    ("describe",): (Example("allot describe train", "why it waits, its attempts, its history", _SERVER),),
    ("report",): (Example("allot report train", "what to ask for next time", _SERVER),),
    ("wait",): (
        Example("allot wait train --timeout 600", "its exit code is the job's", _SERVER),
        Example("allot wait train train --for over", "of several, that of the first that did not succeed", _SERVER),
    ),
    ("stop",): (Example("allot stop train --grace 10", "SIGTERM, ten seconds, SIGKILL", _SERVER),),
    ("retry",): (
        Example("allot retry train", "the same once more", _SERVER),
        Example("allot retry train -f", "and its log", _SERVER),
    ),
    ("clone",): (
        Example("allot clone train --set epochs=5", "another argument", _SERVER),
        Example("allot clone train --set run.env.LR=3e-4 --dry-run=server", "a variable; only ask", _SERVER),
    ),
}
