"""What each field of each call names, of paths, queries and bodies; whoever adds one says it here, or a test fails."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.jobs.written import write_value
from allotment.ports.job_service import JobSubmission
from tests.unit.api.borough import OURS
from tests.unit.operations.fleet.test_credentials import given
from tests.unit.operations.run.machine import job

NOTHING: Final = ""
"""What a field names that names nothing which is anybody's: a word of a list, a number, a text of his own."""
SECRET: Final = "secret"
"""Who knows it has it: nobody can guess another's, and `test_people` has who is told."""
HEADERS: Final = frozenset({"If-None-Match", "If-Match", "Idempotency-Key", "last-event-id"})
"""Of every call, or of the stream: versions, numbers, and keys of a caller's own (`test_keyed_rights`)."""

_JOB: Final[Mapping[str, str]] = {
    "name": NOTHING,
    "team": "team",
    "program.argv[]": NOTHING,
    "program.image": NOTHING,
    "program.environment{}": NOTHING,
    "program.secrets[].variable": NOTHING,
    "program.secrets[].secret": "secret of a team",
    "program.secrets[].key": NOTHING,
    "program.code.folder": NOTHING,
    "program.code.ignore_file": NOTHING,
    "program.working_directory": NOTHING,
    "needs.accelerators.classes[]": "flavor",
    "needs.accelerators.interconnect": NOTHING,
    "needs.accelerators.architecture": NOTHING,
    "needs.accelerators.capacity_type": NOTHING,
    "priority": NOTHING,
    "project": "project",
    "cost_center": "cost centre",
    "environment": NOTHING,
    "labels{}": NOTHING,
    "deadline": NOTHING,
    "checkpoint.directory": NOTHING,
    "checkpoint.of": "job",
    "data[].source": NOTHING,
    "data[].volume": NOTHING,
    "data[].path": NOTHING,
    "data[].image": NOTHING,
    "data[].argv[]": NOTHING,
    "volumes[].name": NOTHING,
    "volumes[].path": NOTHING,
    "volumes[].claim": "claim",
    "volumes[].folder": NOTHING,
    "sweep.parameters[].name": NOTHING,
    "sweep.parameters[].values[]": NOTHING,
    "sweep.parameters[].low": NOTHING,
    "sweep.parameters[].high": NOTHING,
    "sweep.early_stop.metric": NOTHING,
    "schedule.cron": NOTHING,
    "schedule.time_zone": NOTHING,
    "after[].job": "job",
}
_SUBMISSION: Final[Mapping[str, str]] = {
    **{f"job.{name}": kind for name, kind in _JOB.items()},
    "backend": "cluster",
    "code": SECRET,
    "unwritten[]": NOTHING,
    "supersedes": "job",
    "key": NOTHING,
}
_REQUEST: Final[Mapping[str, str]] = {
    "team": "team",
    "justification": NOTHING,
    "subject": "claim",
    "environment": NOTHING,
    "accelerator": "flavor",
    "clusters[]": "cluster",
    "extends": "grant",
    "key": NOTHING,
    "new_team.owners[]": "group",
    "new_team.members[]": "group",
    "new_team.clusters[]": "cluster",
    "new_team.accelerators[][0]": "flavor",
    "new_team.cpu": NOTHING,
    "new_team.memory": NOTHING,
    "new_team.cost_center": "cost centre",
    "keep_data_until": NOTHING,
    "image": NOTHING,
}
_MOVE: Final[Mapping[str, str]] = {
    "move.reason": NOTHING,
    "move.terms.accelerator": "flavor",
    "move.terms.clusters[]": "cluster",
}
_WISH: Final[Mapping[str, str]] = {
    "team": "team",
    "cluster": "cluster",
    "flavor": "flavor",
    "borrowing": NOTHING,
    "lending": NOTHING,
}
_OF_QUERIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("fields", "by", "state", "since", "horizon", "budget", "submissions"), NOTHING),
    **dict.fromkeys(("route", "kind", "shape", "idle", "verb", "outcome", "grep", "follow", "alone"), NOTHING),
    "subjects": NOTHING,
    "team": "team",
    "view": "team",
    "namespace": "team",
    "owner": "person",
    "requester": "person",
    "who": "person",
    "cluster": "cluster",
    "backend": "cluster",
    "parent": "job",
    "prefix": "job by name",
    "about": "job",
    "change": "change",
    "accelerator": "flavor",
    "/api/v1/jobs after_id": "job",
    "/api/v1/requests after_id": "request",
    "/api/v1/grants after_id": "grant",
    "/api/v1/tokens after_id": "token",
    "/api/v1/people after_id": "person",
}
"""By the name of a query, and the path where it says another thing in each."""
_OF_PATHS: Final[Mapping[str, str]] = {
    "jobs": "job",
    "requests": "request",
    "grants": "grant",
    "tokens": "token",
    "people": "person",
    "clusters": "cluster",
    "answers": "workload",
}
"""By the first word of a path that has a reference."""
_OF_EVERYBODY: Final[Mapping[str, str]] = {"name": "conflict", "code": "ALT-1316"}
"""Parts of paths that are the same for everybody, with one that is there."""


def _under(before: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {f"{before}.{name}": kind for name, kind in fields.items()}


_OF_BODIES: Final[Mapping[str, Mapping[str, str]]] = {
    "POST /api/v1/jobs": _under("submission", _SUBMISSION),
    "POST /api/v1/submissions": _under("submissions[]", _SUBMISSION),
    "POST /api/v1/foresee": _under("submission", _SUBMISSION),
    "POST /api/v1/job-files": {"file.text": "file"},
    "POST /api/v1/tokens": {"wanted.name": NOTHING, "wanted.permissions[]": NOTHING, "wanted.team": "team"},
    "POST /api/v1/sign-in": dict.fromkeys(("brought.token", "brought.nonce", "brought.host"), NOTHING),
    "POST /api/v1/browser-sign-in": {"leave.bound": NOTHING},
    "POST /api/v1/browser-session": dict.fromkeys(("entry.code", "entry.query", "entry.secret"), NOTHING),
    "POST /api/v1/requests": _under("asked", _REQUEST),
    "POST /api/v1/request-previews": _under("asked", _REQUEST),
    "POST /api/v1/requests/{reference}/decision": _MOVE,
    "POST /api/v1/requests/{reference}/answer": _MOVE,
    "POST /api/v1/grants/{reference}/end": {"end.reason": NOTHING},
    "POST /api/v1/grants/{reference}/settling": {},
    "PUT /api/v1/clusters/{reference}/credential": {"kubeconfig": NOTHING},
    "POST /api/v1/quota-previews": _under("wish", _WISH),
    "POST /api/v1/quota-changes": {
        **_under("asked.wish", _WISH), "asked.expected": NOTHING, "asked.reason": NOTHING,
    },
}  # fmt: skip
_FILE: Final = "kind: Job\nname: x\nteam: {}\nrun: {{command: [a], image: registry.acme.example/a:1}}\n"
_SUBMITTED: Final = json.loads(write_value("submission", JobSubmission(job(), OURS)))
_QUOTA: Final = {"team": "nlp", "cluster": OURS, "flavor": "a100-on-demand", "nominal": 10}


def _asked(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "asked": {"kind": kind, "team": "nlp", "workload": "training", "justification": "a release", **more},
    }


_REQUESTS: Final = (
    _asked("gpus", accelerator="a100-on-demand", devices=1, clusters=[OURS], lasts=3_600_000),
    _asked("namespace", subject="lab", environment="development"),
    _asked("volume", subject="more", size=1 << 30),
    _asked("endpoint", subject="chat", environment="production"),
    _asked("cluster", subject="west"),
    _asked("leave", subject="nlp", keep_data_until="2027-03-01"),
    _asked("team", team="fresh", new_team={"owners": ["a"], "members": ["b"], "clusters": [OURS]}),
)
"""One of each kind whose fields are read in another way."""
_USUAL: Final[Mapping[str, tuple[Any, ...]]] = {
    "POST /api/v1/jobs": (_SUBMITTED,),
    "POST /api/v1/submissions": ({"version": 1, "submissions": [_SUBMITTED["submission"]]},),
    "POST /api/v1/foresee": (_SUBMITTED,),
    "POST /api/v1/job-files": ({"version": 1, "file": {"text": _FILE.format("nlp")}},),
    "POST /api/v1/tokens": (
        {"version": 1, "wanted": {"name": "x", "permissions": ["read"], "lasts": 9_999_999, "team": "nlp"}},
    ),
    "POST /api/v1/requests": _REQUESTS,
    "POST /api/v1/request-previews": _REQUESTS,
    "POST /api/v1/requests/{reference}/decision": (
        {"version": 1, "move": {"act": "deny", "reason": "x"}},
        {"version": 1, "move": {"act": "counter", "reason": "x", "terms": {"devices": 4}}},
    ),
    "POST /api/v1/requests/{reference}/answer": ({"version": 1, "move": {"act": "withdraw"}},),
    "POST /api/v1/grants/{reference}/end": ({"version": 1, "end": {"reason": "x"}},),
    "POST /api/v1/grants/{reference}/settling": ({"version": 1, "settling": {"restore": True}},),
    "PUT /api/v1/clusters/{reference}/credential": ({"version": 1, "kubeconfig": given(OURS)},),
    "POST /api/v1/quota-previews": ({"version": 1, "wish": _QUOTA},),
    "POST /api/v1/quota-changes": ({"version": 1, "asked": {"wish": _QUOTA, "expected": "c1"}},),
}
"""Bodies that are taken, of what is nlp's."""
_SHORT: Final = {"budget": "20ms", "runs": "10", "horizon": "1h"}
_QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    "/api/v1/snapshot": {"backend": OURS, "team": "nlp"},
    "/api/v1/answers/whatif": {
        "change": "quota:nlp/a100-on-demand/nvidia.com/gpu=10", "cluster": OURS, "budget": "20ms",
    },
    "/api/v1/answers/capacity": {"cluster": OURS, "shape": "1xa100"},
    "/api/v1/answers/drift": {"cluster": OURS},
    "/api/v1/answers/when": _SHORT,
    "/api/v1/answers/when/{reference}": {**_SHORT, "cluster": OURS},
    "/api/v1/answers/why/{reference}": {"remedies": "false", "cluster": OURS},
}  # fmt: skip
"""A query without which nothing would be answered, or not soon."""


class UnclassifiedError(AssertionError):
    """A field of which nobody has said what it names."""


@dataclass(frozen=True)
class NamingField:
    """Something of a call that may name something.

    Attributes:
        place: ``path``, ``query`` or ``body``.
        name: of a body, as `leaves` has it.
        kind: of subject; `NOTHING` or `SECRET` where nothing is to be tried.
    """

    place: str
    name: str
    kind: str

    @property
    def tried(self) -> bool:
        """Whether there is something to try."""
        return self.kind not in {NOTHING, SECRET}


@dataclass(frozen=True)
class TriedCall:
    """A call that is taken, of what is nlp's.

    Attributes:
        body: None where it has none.
    """

    verb: str
    path: str
    query: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class NamedFields:
    """The fields of an OpenAPI document."""

    document: Any

    def operations(self) -> Iterator[tuple[str, str, Any]]:
        """Verb, path and what the document has of it."""
        for path, operations in self.document["paths"].items():
            for verb, operation in operations.items():
                yield verb.upper(), path, operation

    def of(self, verb: str, path: str, operation: Any) -> Iterator[NamingField]:
        """What a call may name.

        Raises:
            UnclassifiedError: of one nobody has said what.
        """
        for each in operation.get("parameters", ()):
            name, place = each["name"], each["in"]
            kind: str | None = NOTHING
            if place == "path" and name not in _OF_EVERYBODY:
                kind = _OF_PATHS.get(path.removeprefix("/api/v1/").partition("/")[0])
            elif place == "query" and not _is_a_number(each["schema"]):
                kind = _OF_QUERIES.get(f"{path} {name}", _OF_QUERIES.get(name))
            elif place == "header" and name not in HEADERS:
                kind = None
            if kind is None:
                raise UnclassifiedError(f"{verb} {path}: say what {name} names")
            yield NamingField(place, name, kind)
        schema = _schema(operation)
        found = set() if schema is None else set(self.leaves(schema))
        known = _OF_BODIES.get(f"{verb} {path}", {})
        if found ^ set(known):
            raise UnclassifiedError(f"{verb} {path}: say what {sorted(found ^ set(known))} name")
        yield from (NamingField("body", name, kind) for name, kind in known.items())

    def calls(self, verb: str, path: str, operation: Any, *, view: str = "") -> list[TriedCall]:
        """Such calls as are taken; the parts of their path have their names still.

        Args:
            verb: of the call.
            path: of the call.
            operation: as the document has it.
            view: team as one of which somebody asks who is of several; empty for who is not.
        """
        views = [each["name"] for each in operation.get("parameters", ()) if view and each["name"] == "view"]
        query = {**dict.fromkeys(views, view), **_QUERIES.get(path, {})}
        schema, content = _schema(operation), operation.get("requestBody", {}).get("content", {})
        usual = _USUAL.get(f"{verb} {path}", (None if schema is None else self.plainest(schema),))
        bodies = usual if schema is not None else (b"packed" if content else None,)
        return [TriedCall(verb, path, query, body) for body in bodies]

    def with_name(self, call: TriedCall, operation: Any, field: NamingField, text: str) -> TriedCall:
        """The call with that in a field."""
        if field.place == "path":
            return TriedCall(call.verb, call.path.replace(f"{{{field.name}}}", text), call.query, call.body)
        if field.place == "query":
            return TriedCall(call.verb, call.path, {**call.query, field.name: text}, call.body)
        body = self.put(_schema(operation), copy.deepcopy(call.body), field.name, text)
        return TriedCall(call.verb, call.path, call.query, body)

    def leaves(self, schema: Any, at: str = "") -> Iterator[str]:
        """Texts of a body that anything may be put into, such as ``asked.clusters[]``."""
        schema = self._meant(schema)
        if "const" in schema or "enum" in schema or schema.get("type") in {"integer", "number", "boolean", "null"}:
            return
        if "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self.leaves(each, at)
        elif schema.get("properties"):
            for name, each in schema["properties"].items():
                yield from self.leaves(each, f"{at}.{name}" if at else name)
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from self.leaves(schema["additionalProperties"], f"{at}{{}}")
        elif schema.get("type") == "array":
            for number, each in enumerate(schema.get("prefixItems", ())):
                yield from self.leaves(each, f"{at}[{number}]")
            if isinstance(schema.get("items"), dict):
                yield from self.leaves(schema["items"], f"{at}[]")
        else:
            yield at

    def put(self, schema: Any, value: Any, name: str, text: str) -> Any:
        """A value with a text at some place; what has to stand beside it is the plainest."""
        schema = self._meant(schema)
        if "anyOf" in schema:
            return self.put(next(each for each in schema["anyOf"] if each.get("type") != "null"), value, name, text)
        if not name:
            return text
        if name.startswith("{}"):
            return {**(value or {}), "x": text}
        if name.startswith("[]"):
            inner = self.put(schema["items"], value[0] if value else None, name[2:].removeprefix("."), text)
            return [inner, *(value or ())[1:]]
        if name.startswith("[0]"):
            return [text, 1]
        matched = re.fullmatch(r"([a-z_]+)\.?(.*)", name)
        assert matched is not None, name
        word, rest = matched.groups()
        value = self.plainest(schema) if value is None else value
        return {**value, word: self.put(schema["properties"][word], value.get(word), rest, text)}

    def plainest(self, schema: Any) -> Any:
        """The plainest value of a schema."""
        schema = self._meant(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        if "anyOf" in schema:
            return self.plainest(schema["anyOf"][0])
        if schema.get("type") == "object":
            found = {each: self.plainest(schema["properties"][each]) for each in schema.get("required", ())}
            return found | {each: "/x" for each in found if each == "path"}
        plain = {"string": "x", "integer": 1, "number": 1.0, "boolean": False, "array": [], "null": None}
        return schema.get("default", plain.get(schema.get("type", "")))

    def _meant(self, schema: Any) -> Any:
        if "$ref" not in schema:
            return schema
        return self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def whole_path(path: str, own: Mapping[str, str]) -> str:
    """A path with what is nlp's in the place of a reference, and with what is everybody's."""
    word = path.removeprefix("/api/v1/").partition("/")[0]
    path = path.replace("{reference}", own.get(_OF_PATHS.get(word, ""), ""))
    for name, each in _OF_EVERYBODY.items():
        path = path.replace(f"{{{name}}}", each)
    return path


def file_of(team: str) -> str:
    """A job file of a team."""
    return _FILE.format(team)


def _schema(operation: Any) -> Any:
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")


def _is_a_number(schema: Any) -> bool:
    every = {each.get("type") for each in schema.get("anyOf", (schema,))}
    return every <= {"integer", "number", "boolean", "null"}
