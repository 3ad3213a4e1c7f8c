"""Examples of `allot request`, `requests`, `approve`, `deny`, `counter`, `extend` and `grant`."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

_NEEDS: Final = ExampleNeeds.REQUESTS


def _of(*examples: tuple[str, str]) -> tuple[Example, ...]:
    return tuple(Example(line, note, _NEEDS) for line, note in examples)


EXAMPLES: Final[CommandExamples] = {
    ("request",): _of(("allot request show r7k2f9qa", "how one stands")),
    ("request", "gpus"): _of(
        (
            'allot request gpus 6 --accelerator a100 --on training-eastus --for 72h --team nlp --why "a release"',
            "for three days",
        ),
        (
            'allot request gpus 2 --accelerator a100 --for 8h --team nlp --why "a bug" --dry-run',
            "only say what would become of it",
        ),
    ),
    ("request", "namespace"): _of(
        ('allot request namespace playground --team nlp --for 30d --why "a course"', "for a month"),
    ),
    ("request", "endpoint"): _of(
        (
            'allot request endpoint chat --environment production --team nlp --workload serving --why "the launch"',
            "in production",
        ),
    ),
    ("request", "cluster"): _of(
        ('allot request cluster training-westeu --team nlp --why "data that may not leave Europe"', "another one"),
    ),
    ("request", "volume"): _of(
        ('allot request volume corpora --size 10Gi --team nlp --why "a new data set"', "for data")
    ),
    ("request", "notebook"): _of(
        (
            "allot request notebook mine --image registry.acme.example/jupyter:4 --team nlp --for 8h --why notes",
            "for a day's work",
        ),
    ),
    ("request", "model-api"): _of(
        ('allot request model-api claims --team nlp --why "to label ten thousand letters"', "paid by use"),
    ),
    ("request", "team"): _of(
        (
            "allot request team vision --member acme-vision --on training-eastus --cpu 8 --why research --dry-run",
            "what it would make of the directory and of clusters",
        ),
    ),
    ("request", "leave"): _of(
        (
            'allot request leave nlp --until 2099-01-31 --confirm nlp --why "it is done" --dry-run',
            "only say what would become of it",
        ),
    ),
    ("request", "show"): _of(("allot request show r7k2f9qa", "need, price, effect, decisions")),
    ("request", "accept"): _of(("allot request accept r7k2f9qa", "what is offered")),
    ("request", "withdraw"): _of(('allot request withdraw r7k2f9qa -m "not needed any more"', "and say why")),
    ("requests",): _of(("allot requests", "those that wait"), ("allot requests -a -l state=denied", "those denied")),
    ("approve",): _of(
        ("allot approve r7k2f9qa", "as it was asked for"),
        ('allot approve r7k2f9qa --gpus 4 --for 48h -m "cv needs the rest"', "a part of it"),
        ('allot approve r7k2f9qa r3m8d1xz -m "agreed on Monday"', "several, each as it was asked for"),
    ),
    ("deny",): _of(('allot deny r7k2f9qa -m "use spot"', "and say why")),
    ("counter",): _of(
        ('allot counter r7k2f9qa --gpus 4 --for 48h -m "cv has a deadline on Friday"', "fewer, for less time"),
    ),
    ("extend",): _of(
        ('allot extend r7k2f9qa --for 24h --why "one more sweep"', "a day more"),
        ('allot extend r7k2f9qa --for 24h --gpus 2 --why "two will do"', "other devices from now on"),
    ),
    ("balance",): _of(("allot balance", "this month, of your teams"), ("allot balance --team nlp", "of one")),
    ("grant",): _of(("allot grant list", "what was granted")),
    ("grant", "list"): _of(("allot grant list -a", "those that are over, too")),
    ("grant", "end"): _of(('allot grant end r7k2f9qa -m "done"', "before its time")),
    ("grant", "restore"): _of(("allot grant restore r7k2f9qa", "what was agreed on")),
    ("grant", "keep"): _of(("allot grant keep r7k2f9qa", "what somebody wrote by hand")),
}
