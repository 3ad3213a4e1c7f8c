"""A situation: how it is played on a real control plane, its right answer, and what looks right and does not help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from allotment.ports.sandboxes import FakeNode, KueueOptions
from benchmarks.why.karpenter import Machine
from benchmarks.why.stage import Stage

Raw = dict[str, Any]


@dataclass(frozen=True)
class Act:
    """Something done about a situation.

    Attributes:
        kind, who: in the words of the vocabulary.
        op: ``merge-patch``, ``json-patch``, ``create``, ``delete``, ``resubmit`` (body: the whole object), ``wait``,
            ``signal`` (body: ``steps``, each with op, target and body, one after the other).
        target: what is changed; None for what is created.
        steps: what to do in its place on the stage, where the act is not a change of the target alone.
        tried: False for what cannot be tried on a stage; then it is recorded as not verified.
    """

    kind: str
    who: str
    description: str
    op: str
    target: Raw | None = None
    body: Any = None
    steps: Callable[[Stage], None] | None = None
    tried: bool = True

    def carry_out(self, stage: Stage) -> None:
        if self.steps is not None:
            self.steps(stage)
        elif self.op == "signal":
            for step in self.body["steps"]:
                do(stage, step["op"], step.get("target") or {}, step.get("body"))
        else:
            do(stage, self.op, self.target or {}, self.body)

    def recorded(self, *, verified: bool, distractor: bool) -> Raw:
        # What is made has no target: the scorer takes its kind and leaves its name free.
        patch: Raw = {"op": self.op, "target": self.target}
        if self.body is not None:
            patch["body"] = self.body
        told = {"kind": self.kind, "who": self.who, "description": self.description, "patch": patch}
        return {**told, ("verified_not_to_help" if distractor else "verified"): verified}


def do(stage: Stage, op: str, target: Raw, body: Any) -> None:
    """One change of the cluster."""
    if op == "merge-patch":
        stage.patch(target, body)
    elif op == "json-patch":
        stage.patch(target, body, op="json")
    elif op == "create":
        stage.make(body)
    elif op == "delete":
        stage.delete(target)
    elif op == "resubmit":
        stage.delete(target)
        stage.make(body)
    else:
        raise AssertionError(f"{op} has no steps")


@dataclass(frozen=True)
class Played:
    """What a scene leaves behind: who is asked about, and what makes the answer right.

    Attributes:
        subject: the object that is asked about, as it was sent.
        remedies: cheapest first.
        refused: exit words of the API server where the subject's creation was refused.
    """

    subject: Raw
    facts: Raw
    remedies: tuple[Act, ...]
    distractors: tuple[Act, ...]
    refused: str = ""
    user: str = "ada@corp.example"


@dataclass(frozen=True)
class Situation:
    """A scene with its frame.

    Attributes:
        id: of the case: neutral, for it becomes the file's name.
        source: the public question that it comes from.
        definitions: kinds of others, made before Kueue looks which there are.
        written: what was written by hand because no controller of this stage reports it; empty where all is real.
        machines: what a cloud rents out, where a real Karpenter makes nodes of them.
        worker: nodes of a second cluster, to which work is sent; none = there is none.
    """

    id: str
    cause: str
    layer: str
    verdict: str
    source: str
    play: Callable[[Stage], Played]
    nodes: tuple[FakeNode, ...]
    kueue: KueueOptions = field(default_factory=KueueOptions)
    extensions: tuple[str, ...] = ()
    definitions: tuple[Raw, ...] = ()
    written: str = ""
    machines: tuple[Machine, ...] = ()
    worker: tuple[FakeNode, ...] = ()
