"""Which labels of running pods placement can ever ask for: those that some selector of the snapshot names.

The rest would only keep pods apart that are alike: a job's name and uid make each job's pods a kind of their own. A
selector with `In` asks for its values alone; one with another operator asks for whatever value there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.observed.base import Names, Selector
from allotment.model.observed.index import differing
from allotment.model.observed.pods import PodSpec, PodTemplate
from allotment.model.observed.snapshot import Objects
from allotment.scheduling.placement.model import Pairs

_IN: Final = "In"
_HAS_LABELS: Final = ("allotment.dev/has-labels", "")
"""Stands for labels that no selector names: to a budget, a pod without any label is another thing."""

AskedLabel = tuple[str, str | None]
"""A label that is asked for, with the value; None where any value matters."""


@dataclass(frozen=True, slots=True)
class KeptLabels:
    """Labels that are kept.

    Attributes:
        whole: keys that are kept with every value.
        values: of other keys, the values that are kept.
    """

    whole: frozenset[str]
    values: Mapping[str, frozenset[str]]

    def of(self, labels: Names) -> Pairs:
        """What is kept of a running pod's labels."""
        if not labels:
            return ()
        whole, values = self.whole, self.values
        kept = [(k, v) for k, v in labels.items() if k in whole or (k in values and v in values[k])]
        return tuple(sorted(kept)) if kept else (_HAS_LABELS,)

    def knows(self, asked: AskedLabel) -> bool:
        """Whether a selector that asks for it sees all pods that it is about."""
        key, value = asked
        return key in self.whole or (value is not None and value in self.values.get(key, ()))


def kept_labels(objects: Objects) -> KeptLabels:
    """What the selectors of a source ask for: of pods, of all that makes pods, of disruption budgets."""
    whole: set[str] = set()
    values: dict[str, set[str]] = {}
    for key, value in _asked(objects):
        if value is None:
            whole.add(key)
        else:
            values.setdefault(key, set()).add(value)
    return KeptLabels(frozenset(whole), {key: frozenset(found) for key, found in values.items()})


def _asked(objects: Objects) -> Iterator[AskedLabel]:
    for each in objects.disruption_budgets:
        yield from _by_selector(each.spec.selector)
    for spec, labels in _specs(objects):
        if spec.affinity is not None or spec.topology_spread_constraints:
            yield from asked_by(spec, labels)


def _specs(objects: Objects) -> Iterator[tuple[PodSpec, Names]]:
    yield from ((pod.spec, pod.metadata.labels) for pod in objects.pods)
    yield from ((template.spec, template.metadata.labels) for template in _templates(objects))


def changed_since(now: Objects, then: Objects) -> Objects:
    """What may ask for labels, and is in one of two sources alone."""
    return Objects(
        pods=tuple(differing(now.pods, then.pods)),
        jobs=tuple(differing(now.jobs, then.jobs)),
        cron_jobs=tuple(differing(now.cron_jobs, then.cron_jobs)),
        replicas=tuple(differing(now.replicas, then.replicas)),
        daemon_sets=tuple(differing(now.daemon_sets, then.daemon_sets)),
        owners=tuple(differing(now.owners, then.owners)),
        workloads=tuple(differing(now.workloads, then.workloads)),
    )


def asks(objects: Objects) -> bool:
    """Whether any of these asks for labels of others."""
    return any(True for _ in _asked(objects))


def _templates(objects: Objects) -> Iterator[PodTemplate]:
    yield from (each.spec.template for each in objects.jobs)
    yield from (each.spec.job_template.spec.template for each in objects.cron_jobs)
    yield from (each.spec.template for each in objects.replicas)
    yield from (each.spec.template for each in objects.daemon_sets)
    yield from (group.template for each in objects.owners for group in each.groups)
    yield from (pod_set.template for each in objects.workloads for pod_set in each.spec.pod_sets)


def asked_by(spec: PodSpec, labels: Names) -> Iterator[AskedLabel]:
    """What a pod asks of others' labels.

    Args:
        spec: its spec.
        labels: its own, which some of its rules refer to.
    """
    for each in spec.topology_spread_constraints:
        yield from _by_selector(each.label_selector)
        yield from ((key, labels[key]) for key in each.match_label_keys if key in labels)
    if spec.affinity is None:
        return
    for rules in (spec.affinity.pod_affinity, spec.affinity.pod_anti_affinity):
        if rules is None:
            continue
        for term in (*rules.required, *(each.pod_affinity_term for each in rules.preferred)):
            yield from _by_selector(term.label_selector)
            yield from ((key, labels[key]) for key in term.match_label_keys if key in labels)
            yield from ((key, None) for key in term.mismatch_label_keys)


def _by_selector(selector: Selector | None) -> Iterator[AskedLabel]:
    if selector is None:
        return
    yield from selector.match_labels.items()
    for rule in selector.match_expressions:
        if rule.operator == _IN:
            yield from ((rule.key, value) for value in rule.values)
        else:
            yield rule.key, None
