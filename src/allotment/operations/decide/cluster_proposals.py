"""A cluster that was decided on: a skeleton of its file is proposed, where changes are proposed; a person makes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.model.requests.grant import GrantState
from allotment.model.requests.terms import RequestKind, Wish
from allotment.operations.decide.committing import author_of, told_of_request
from allotment.operations.decide.room import DecisionRoom
from allotment.ports.repository import CommitMessage, CommitMode, FileChanges, RepositoryPort, branch_of
from allotment.requests.giving import GrantStep

_PURPOSES: Final = {"production": "serving", "staging": "training"}
_OTHERWISE: Final = "development"


def skeleton_of(wish: Wish, request: str) -> str:
    """The file of a cluster as far as a request says what it is to be.

    Args:
        wish: of the request.
        request: its id.
    """
    return (
        f"# A skeleton, of request {request}: its nodes, versions and context are for whoever makes the cluster.\n"
        f"kind: Cluster\nname: {wish.subject}\npurpose: {_PURPOSES.get(wish.environment, _OTHERWISE)}\n"
        "region: unknown\nnodePools:\n  - {name: system, cpu: 4, memory: 16Gi, maxNodes: 1}\n"
    )


def proposed_cluster(room: DecisionRoom, repository: RepositoryPort, step: GrantStep) -> GrantStep:
    """Propose a cluster that is given, once; the step as it is then.

    Where commits count at once nothing is proposed: a cluster that nobody has made would be planned for. Nor where the
    directory has one of that name.

    Args:
        room: what is decided with.
        repository: of the platform directory.
        step: of a grant of that kind.
    """
    grant = step.meanwhile
    if grant.state is not GrantState.GIVING or grant.made or repository.mode is CommitMode.DIRECT:
        return step
    wish, state = room.store.request(grant.id).wish, repository.read()
    path = f"clusters/{wish.subject}.yaml"
    if wish.kind is not RequestKind.CLUSTER or path in state.tree.files:
        return step
    body = "\n".join(told_of_request(room.store, grant))
    subject = f"{grant.team}: a skeleton of cluster {wish.subject}"
    message = CommitMessage(grant.id, subject, body, author_of(room.store, grant), room.now())
    commit = repository.commit(FileChanges(state.commit, {path: skeleton_of(wish, grant.id)}), message)
    made = branch_of(grant.id) if room.proposer is None else room.proposer.opened(grant, commit, message)
    return replace(step, after=replace(step.after, made=made, commit=commit))
