"""docs/running-on-slurm.md tells everything that Slurm cannot express, and the names and versions it tells are ours."""

from __future__ import annotations

import re

import yaml

from allotment.adapters.slurm.bodies import OLD, VERSIONS
from allotment.jobs.slurm.losses import OWN
from allotment.operations.run.slurm.configured import configured_slurm
from tools.write_slurm_losses import DOCUMENT, START, table

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_table_is_up_to_date() -> None:
    written = TEXT[TEXT.index(START) + len(START) :]
    assert written.strip() == table().strip(), "run: python -m tools.write_slurm_losses"


def test_the_example_is_a_description() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    told = configured_slurm(yaml.safe_load(example))
    assert all(getattr(told, name) for name in told.__dataclass_fields__)


def test_the_names_and_versions_are_ours() -> None:
    assert f"**{OLD} (Slurm 22.05)" in TEXT
    assert all(each in TEXT for each in (VERSIONS[0], VERSIONS[-2]))
    assert all(f"`{name.replace('ALLOTMENT', '', 1)}`" in TEXT or f"`{name}`" in TEXT for name in OWN)
