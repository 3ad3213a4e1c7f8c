"""The fake keeps the contract."""

from __future__ import annotations

import pytest

from allotment.adapters.prometheus.fake import FakeMetrics
from tests.unit.adapters.prometheus.contract import SAMPLES, MetricsContract


@pytest.fixture
def metrics() -> FakeMetrics:
    fake = FakeMetrics()
    for name, labels, samples in SAMPLES:
        fake.put(name, labels, samples)
    return fake


class TestFake(MetricsContract):
    pass
