"""Remedies about what a view hides: no command and no patch bears a name of ours, and it is said whose act it is."""

from __future__ import annotations

import json
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.model.observed.base import Reference
from allotment.observe.anonymous import HIDDEN_NAMESPACE
from allotment.observe.standing_in import names_stand_in

NOT_SHOWN: Final = "its name is not shown in this view: whoever reads the whole cluster can do it"


def names_hidden(case: Case, proposal: Proposal) -> bool:
    """Whether what is to be done names something that a view has given a name of ours."""
    if not case.snapshot.view:
        return False
    acts = [*proposal.first, *proposal.then]
    if proposal.target is not None and proposal.patch is not None:
        acts.append((proposal.target, proposal.patch))
    targets = [target for target, _ in acts] + ([] if proposal.target is None else [proposal.target])
    texts = (proposal.command, *(json.dumps(patch.body, ensure_ascii=False, default=str) for _, patch in acts))
    return any(map(_is_hidden, targets)) or any(map(names_stand_in, texts))


def _is_hidden(target: Reference) -> bool:
    return target.namespace == HIDDEN_NAMESPACE or names_stand_in(target.name) or names_stand_in(target.namespace)
