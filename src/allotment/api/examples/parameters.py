"""What parameters of the examples are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from allotment.api.examples.answers import CAUSE
from allotment.api.examples.asking import REQUEST_ID
from allotment.api.examples.fleet import CLUSTER, FLAVOR
from allotment.api.examples.moments import at
from allotment.api.examples.people import ADA, PERSON_ID, TOKEN_ID
from allotment.api.examples.work import JOB_ID

_API: Final = "/api/v1"
_REFERENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "jobs": JOB_ID,
        "tokens": TOKEN_ID,
        "people": ADA,
        "requests": REQUEST_ID,
        "grants": REQUEST_ID,
        "clusters": CLUSTER,
        "answers": "pretrain",
    }
)
"""What a path names, by its first word."""
_OF_PATH: Final[Mapping[tuple[str, str], Any]] = MappingProxyType(
    {
        (f"{_API}/jobs", "state"): "queued,running",
        (f"{_API}/jobs", "after_id"): JOB_ID,
        (f"{_API}/jobs", "fields"): "id,name,state",
        (f"{_API}/job-counts", "state"): "queued,running",
        (f"{_API}/requests", "state"): "waiting,offered",
        (f"{_API}/requests", "after_id"): REQUEST_ID,
        (f"{_API}/requests", "fields"): "id,wish.team,state",
        (f"{_API}/grants", "state"): "active",
        (f"{_API}/grants", "after_id"): REQUEST_ID,
        (f"{_API}/tokens", "after_id"): TOKEN_ID,
        (f"{_API}/people", "after_id"): PERSON_ID,
        (f"{_API}/people", "fields"): "id,name,roles",
        (f"{_API}/answers/queue-trends", "since"): "7d",
        (f"{_API}/answers/waste", "by"): "team",
        (f"{_API}/answers/waste", "since"): "7d",
        (f"{_API}/answers/when", "namespace"): "nlp",
        (f"{_API}/events", "after"): at(),
    }
)
"""Where a name means something else than it does elsewhere."""
_BY_NAME: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "about": f"job/{JOB_ID}",
        "accelerator": "a100",
        "after_at": at(-1),
        "after_submitted": at(-1),
        "all": True,
        "alone": "true",
        "anew": True,
        "any_case": True,
        "backend": CLUSTER,
        "before": 43,
        "budget": "5s",
        "by": "state,team",
        "change": [f"quota:nlp/{FLAVOR}/nvidia.com/gpu=16"],
        "cluster": [CLUSTER],
        "code": CAUSE,
        "confidence": 80,
        "fields": "id",
        "follow": "true",
        "from": 0,
        "grace": 120,
        "grep": "loss=",
        "horizon": "7d",
        "idle": ["job=30%/10min"],
        "kind": "job",
        "limit": 50,
        "name": "not-found",
        "namespace": "nlp",
        "outcome": "denied",
        "owner": ADA,
        "parent": JOB_ID,
        "prefix": "pre",
        "rank": 0,
        "remedies": False,
        "requester": ADA,
        "resume": True,
        "route": "engineering-leadership",
        "runs": 100,
        "seed": 0,
        "shape": ["8xa100"],
        "since": at(-24),
        "subjects": "job,request",
        "submissions": "past",
        "tail": 100,
        "team": "nlp",
        "to": 100,
        "until": at(),
        "verb": "job.stop",
        "view": "nlp",
        "who": ADA,
    }
)
"""What a name means, wherever it stands."""


def parameter_example(path: str, name: str) -> Any:
    """What a parameter may be.

    Args:
        path: of the operation.
        name: of the parameter.

    Returns:
        None where there is no example.
    """
    if name == "reference":
        return _REFERENCES[path.removeprefix(f"{_API}/").partition("/")[0]]
    return _OF_PATH.get((path, name), _BY_NAME.get(name))
