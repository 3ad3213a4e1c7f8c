"""The real client on a real API server keeps the contract that the fake keeps."""

from __future__ import annotations

import pytest

from tests.unit.adapters.kube.contract import KubeContract

pytestmark = pytest.mark.live


class TestLive(KubeContract):
    pass
