"""Finds the recorded Kueue decisions; they stay outside the repository."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[4] / "shared" / "data"


def data_folder(name: str) -> Path:
    root = Path(os.environ.get("ALLOTMENT_DATA", str(_BESIDE_CHECKOUT)))
    folder = root / name
    if not folder.is_dir():
        pytest.skip(f"no recorded decisions at {folder}: set ALLOTMENT_DATA to the folder that holds {name}/")
    return folder


def scenarios(kind: str, *, step: int = 1, limit: int | None = None) -> Iterator[dict[str, Any]]:
    with gzip.open(data_folder("kueue_scenarios") / f"{kind}.jsonl.gz", "rt") as lines:
        taken = 0
        for number, line in enumerate(lines):
            if number % step == 0 and (limit is None or taken < limit):
                taken += 1
                yield json.loads(line)
