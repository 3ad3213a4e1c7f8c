"""Taking over with an edit of the directory, on record: what becomes of the edit where the namespace stays theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allotment.adapters.files.fake import MemoryDirectory
from allotment.adapters.kube.fake import Call
from allotment.errors import UnreachableError
from allotment.model.mark import Mark
from allotment.model.source import SourceTree
from allotment.operations.adopt.adoptions import give_back, take_over
from allotment.operations.adopt.giving_back import look_back
from allotment.operations.adopt.taking_over import Fate
from allotment.operations.change.history import Act, history
from allotment.operations.directory.teams import Edit
from allotment.plan.adoption.words import word
from allotment.plan.changes import PlanSource
from allotment.ports.process import Run
from tests.unit.operations.test_adoption import SPACE, Live
from tests.unit.plan.objects import PLATFORM

FILE = "clusters/dev.yaml"
BEFORE, AFTER = "kind: Cluster\n", "kind: Cluster\nwarnNamespaces: [cv]\n"
EDIT = Edit({FILE: AFTER}, "", ())
RUN = Run("20261122T120000Z-abc", "ci-7 process 42")
LATER = Run("20261122T120001Z-abd", "ci-7 process 43")


@pytest.fixture
def directory() -> MemoryDirectory:
    return MemoryDirectory(SourceTree({FILE: BEFORE, "platform.yaml": "kind: Platform\n"}), "c0ffee")


@pytest.fixture
def live() -> Live:
    return Live()


def losing_the_claim(then: Callable[[], None]) -> Callable[[Call], None]:
    """The server is gone when the namespace is to be claimed; something else happens meanwhile."""

    def hook(call: Call) -> None:
        if call.key == SPACE and call.verb not in {"get", "list"} and not call.dry_run and not call.done:
            then()
            raise UnreachableError("gone")

    return hook


def test_the_edit_and_the_record_go_with_a_namespace(live: Live, directory: MemoryDirectory) -> None:
    source = PlanSource("c0ffee", dirty=False, digest=directory.read().digest)
    taken = take_over(live.look("namespace/cv"), live.kube, live.clock, RUN, directory, EDIT)
    assert taken.edited
    assert directory.read().files[FILE] == AFTER
    (record,) = history(live.kube)
    assert (record.act, record.source, record.id) == (Act.ADOPT, source, RUN.id)
    returns = look_back(live.kube, PLATFORM, [word("namespace/cv")])
    handled = give_back(Mark(PLATFORM, "dev"), returns, live.kube, live.clock, LATER, directory)
    assert Fate.GIVEN_BACK in {each.fate for each in handled}
    assert [each.act for each in history(live.kube)] == [Act.UNDO, Act.ADOPT]


def test_the_edit_goes_back_where_the_namespace_stays_theirs(live: Live, directory: MemoryDirectory) -> None:
    look = live.look("namespace/cv")
    live.kube.hook = losing_the_claim(lambda: None)
    assert not take_over(look, live.kube, live.clock, RUN, directory, EDIT).edited
    assert directory.read().files[FILE] == BEFORE


def test_what_somebody_wrote_meanwhile_is_not_taken_back(live: Live, directory: MemoryDirectory) -> None:
    look, theirs = live.look("namespace/cv"), f"{AFTER}# ours, too\n"
    live.kube.hook = losing_the_claim(lambda: directory.write({FILE: theirs}))
    assert take_over(look, live.kube, live.clock, RUN, directory, EDIT).edited
    assert directory.read().files[FILE] == theirs
