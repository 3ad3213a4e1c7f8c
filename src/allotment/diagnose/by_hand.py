"""Commands inside sentences: quoted for a shell, and with names where none can pass for a flag."""

from __future__ import annotations

import shlex

from allotment.model.observed.base import Object


def line(*words: str) -> str:
    """One command of a shell; no word of it is taken for anything but a word."""
    return shlex.join(words)


def logs_of(pod: Object, container: str, *, restarted: bool = True) -> str:
    """The command that shows what a container said before it ended; one that was not restarted has no previous."""
    before = ("--previous",) if restarted else ()
    return line("kubectl", "logs", f"pod/{pod.name}", *_in(pod), "-c", container, *before)


def described(pod: Object) -> str:
    """The command that shows all that is known of a pod."""
    return line("kubectl", "describe", f"pod/{pod.name}", *_in(pod))


def deletion_of(pod: Object) -> str:
    """The command that deletes a pod without waiting for its node."""
    return line("kubectl", "delete", f"pod/{pod.name}", *_in(pod), "--grace-period=0", "--force")


def why_of(kind: str, each: Object) -> str:
    """The question why something else does not run."""
    return line("allot", "why", f"{kind}/{each.name}", *_in(each))


def _in(each: Object) -> tuple[str, ...]:
    return ("-n", each.namespace) if each.namespace else ()
