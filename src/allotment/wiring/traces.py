"""Files of scenarios and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allotment.wiring.settings import user_path

if TYPE_CHECKING:
    from allotment.ports.scenario_files import ScenarioFiles


def scenario_files() -> ScenarioFiles:
    """The files that a user names."""
    from allotment.adapters.traces.files import TraceFiles

    return TraceFiles(user_path)
