"""A quota is changed by one commit in somebody's name; nobody's change is written over, and it can be changed back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.adapters.git_repository.fake import MemoryRepository
from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError, OutdatedError, UsageError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.requests.request import RequestAct
from allotment.operations.decide.quota_desk import QuotaDesk, command_of
from allotment.ports.platform_service import AskedQuotaChange, QuotaWish, UnmadeCluster
from allotment.ports.repository import CommitMode, CommitPerson
from allotment.ports.request_service import AskedMove
from allotment.spec.problems import InvalidPlatformError
from tests.unit.operations.decide.test_desk import ACME, CLUSTER, FLAVOR, HUMAN, LEAD, MEMBER, Office, gpus

EVE = Caller("eve", CallerKind.PERSON, "10.1.2.3")
WISH = QuotaWish("nlp", CLUSTER, FLAVOR, nominal=10, borrowing="none", lending="4")


@pytest.fixture
def office() -> Office:
    return Office()


def head(office: Office) -> str:
    return office.repository.read().commit


def asked(office: Office, wish: QuotaWish, reason: str = "") -> AskedQuotaChange:
    return AskedQuotaChange(wish, head(office), reason)


def test_a_preview_tells_all_that_a_change_would_do_and_writes_nothing(office: Office) -> None:
    found = QuotaDesk(office.room).preview(WISH)
    place = f"nlp/{FLAVOR}/nvidia.com/gpu"
    assert found.changes == (f"quota:{place}=10", f"borrowing:{place}=none", f"lending:{place}=4")
    assert found.now == QuotaWish("nlp", CLUSTER, FLAVOR, 12, "6", "none")
    assert "-      a100-on-demand: {nominal: 12, borrowingLimit: 6}\n" in found.diff
    assert "+      a100-on-demand: {nominal: 10, borrowingLimit: null, lendingLimit: 4}\n" in found.diff
    assert found.command == (
        f"allot team set nlp --cluster {CLUSTER} --accelerator {FLAVOR}=10 --borrowing {FLAVOR}=none "
        f"--lending {FLAVOR}=4"
    )
    assert (found.expected, found.why_not, found.proposed) == (head(office), "", False)
    assert (office.nominal(), office.applied, office.verbs()) == (12, [], [])


def test_a_change_is_a_commit_in_somebody_s_name_and_the_cluster_is_made_so(office: Office) -> None:
    desk = QuotaDesk(office.room)
    done = desk.change(asked(office, WISH, "the spring's\nmodel"), EVE)
    commit = office.repository.commits[done.commit]
    assert (commit.author.name, commit.committer.name) == ("eve", "Allotment")
    assert "nlp: 10 instead of 12 guaranteed, borrows none instead of 6, lends 4 instead of none" in commit.text
    assert "> the spring's model" in commit.text
    assert (office.nominal(), office.applied, done.awaited, done.unmade) == (10, [(CLUSTER,)], "", ())
    (cause,) = office.causes
    assert (cause.by, cause.teams, cause.state.commit) == ("quota change of eve", {"nlp"}, done.commit)
    (entry,) = office.store.whole_audit()
    assert (entry.act.who, entry.act.verb, entry.act.team) == ("eve", "quota.change", "nlp")
    assert entry.act.why == "the spring's\nmodel"
    assert dict(entry.act.details)["commit"] == done.commit
    # And back: the guarantee and its bounds are what they were, by another commit.
    again = desk.change(asked(office, done.back, "a mistake"), EVE)
    assert (office.nominal(), again.back) == (12, WISH)


def test_what_grants_give_stays_and_is_in_what_queues_get(office: Office) -> None:
    request = office.of("ada", MEMBER).ask(gpus(8))
    office.of("boss", LEAD).move(request.id, AskedMove(RequestAct.APPROVE))
    office.passes()
    assert office.nominal() == 20
    found = QuotaDesk(office.room).preview(QuotaWish("nlp", CLUSTER, FLAVOR, nominal=10))
    assert found.now.nominal == 12
    assert found.changes == (f"quota:nlp/{FLAVOR}/nvidia.com/gpu=18",)


def test_a_cluster_that_is_not_so_yet_is_named(office: Office) -> None:
    office.trouble[CLUSTER] = "it does not answer"
    done = QuotaDesk(office.room).change(asked(office, WISH), EVE)
    assert done.unmade == (UnmadeCluster(CLUSTER, "it does not answer"),)
    assert office.nominal() == 10


def test_nothing_is_written_over_that_came_meanwhile(office: Office) -> None:
    desk, seen = QuotaDesk(office.room), head(office)
    office.repository.commit_by(HUMAN, {**ACME, "teams/nlp.yaml": ACME["teams/nlp.yaml"] + "# a note\n"})
    with pytest.raises(OutdatedError, match="has gone on"):
        desk.change(AskedQuotaChange(WISH, seen), EVE)
    assert (office.nominal(), office.verbs()) == (12, [])
    desk.change(asked(office, WISH), EVE)
    assert office.repository.read().tree.files["teams/nlp.yaml"].endswith("# a note\n")


def test_a_proposed_change_waits_to_be_merged_and_changes_nothing_before() -> None:
    office = Office(repository=MemoryRepository(CommitMode.BRANCH, CommitPerson("Allotment", "a@acme.example")))
    desk = QuotaDesk(office.room)
    assert desk.preview(WISH).proposed
    done = desk.change(asked(office, WISH), EVE)
    assert (done.awaited, office.nominal(), office.applied) == ("its change waits to be merged", 12, [])


def test_a_directory_in_no_repository_is_changed_by_hand(office: Office) -> None:
    desk = QuotaDesk(replace(office.room, repository=None))
    found = desk.preview(WISH)
    assert found.why_not.startswith("its platform directory is in no repository")
    assert (found.expected, bool(found.diff)) == ("", True)
    with pytest.raises(ConflictError, match="cannot be changed here"):
        desk.change(AskedQuotaChange(WISH, ""), EVE)


REFUSED: dict[str, tuple[QuotaWish, type[AllotmentError], str]] = {
    "nothing": (QuotaWish("nlp", CLUSTER, FLAVOR), UsageError, "nothing is to be changed"),
    "less than nothing": (replace(WISH, nominal=-1), UsageError, "cannot be guaranteed"),
    "no limit": (replace(WISH, borrowing="-1"), UsageError, "is no limit"),
    "words": (replace(WISH, lending="4}\nx: {"), UsageError, "is no limit"),
    "no such team": (replace(WISH, team="nobody"), NotFoundError, "there is no team"),
    "no such cluster": (replace(WISH, cluster="nowhere"), NotFoundError, "there is no cluster"),
    "no such flavor": (replace(WISH, flavor="t4-spot"), NotFoundError, "is guaranteed no"),
    "a team that is elsewhere": (replace(WISH, cluster="dev-eastus", flavor="a100"), NotFoundError, "guaranteed no"),
    "more than there is": (replace(WISH, nominal=9999), InvalidPlatformError, "error"),
    "more lent than there is": (replace(WISH, lending="11"), InvalidPlatformError, "error"),
    "an alias": (QuotaWish("nlp", "prod-inference-westeu", "a100-reserved", nominal=1), InputError, "cannot be edited"),
}


@pytest.mark.parametrize(("wish", "error", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    office: Office, wish: QuotaWish, error: type[AllotmentError], says: str
) -> None:
    desk = QuotaDesk(office.room)
    with pytest.raises(error, match=says):
        desk.preview(wish)
    with pytest.raises(error, match=says):
        desk.change(asked(office, wish), EVE)
    assert (office.nominal(), office.verbs()) == (12, [])


def test_what_is_so_already_is_no_change(office: Office) -> None:
    desk, same = QuotaDesk(office.room), QuotaWish("nlp", CLUSTER, FLAVOR, nominal=12)
    assert (desk.preview(same).diff, desk.preview(same).changes) == ("", ())
    with pytest.raises(UsageError, match="nothing would change"):
        desk.change(asked(office, same), EVE)
    with pytest.raises(UsageError, match="2001 characters"):
        desk.change(asked(office, WISH, "x" * 2001), EVE)


def test_a_command_says_only_what_is_to_be_another() -> None:
    assert command_of(QuotaWish("n x", "c", "f", lending="0")) == "allot team set 'n x' --cluster c --lending f=0"
