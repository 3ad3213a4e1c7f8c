"""Where the corpora are: `ALLOTMENT_DATA`, or `../shared/data` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("ALLOTMENT_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder}: set ALLOTMENT_DATA")
    return folder
