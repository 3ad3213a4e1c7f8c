"""docs/running-on-kubernetes.md tells everything that Kubernetes cannot express, and the numbers it names are ours."""

from __future__ import annotations

from allotment.jobs.kubernetes.batch_job import KEPT_SECONDS
from allotment.jobs.kubernetes.environment import OWN, OWN_OF_GANGS
from allotment.jobs.kubernetes.storage import MOST_CODE
from tools.write_kubernetes_losses import DOCUMENT, START, table

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_table_is_up_to_date() -> None:
    written = TEXT[TEXT.index(START) + len(START) :]
    assert written.strip() == table().strip(), "run: python -m tools.write_kubernetes_losses"


def test_the_numbers_and_names_are_ours() -> None:
    assert f"packed at most {MOST_CODE >> 10} KiB" in TEXT
    assert KEPT_SECONDS == 24 * 60 * 60
    assert all(f"`{name.replace('ALLOTMENT', '', 1)}`" in TEXT or f"`{name}`" in TEXT for name in (*OWN, *OWN_OF_GANGS))
