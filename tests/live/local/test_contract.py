"""Real processes keep the contract."""

from __future__ import annotations

import pytest

from tests.unit.adapters.local.contract import JobProcessesContract

pytestmark = pytest.mark.live


class TestRealJobProcesses(JobProcessesContract):
    pass
