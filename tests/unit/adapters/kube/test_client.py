"""The HTTP client against scripted answers: patience, errors, paging, paths. No network, no waiting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest
import stamina

from allotment.adapters.kube.answers import warnings_of
from allotment.adapters.kube.client import KubeClient
from allotment.adapters.kube.requests import PAGE_SIZE
from allotment.errors import AllotmentError, ForbiddenError, NotSignedInError, UnreachableError
from allotment.model.manifest import ObjectKey, key_of
from allotment.model.salvage import UnreadableObject
from allotment.observe.kinds import KINDS
from allotment.operations.ask.cluster_reader import ClusterReader
from allotment.ports.kube import AccessQuestion, FieldConflictError, Identity, RefusedError, VersionGoneError

CANARY = "c4n4ry"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "cv"}, "data": {"a": "1"}}
KEY = ObjectKey("", "ConfigMap", "cv", "x")


def discovery(group: str, version: str, **kinds: tuple[str, str]) -> dict[str, Any]:
    resources = [
        {"resource": plural, "scope": scope, "responseKind": {"kind": kind}} for kind, (plural, scope) in kinds.items()
    ]
    return {"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]}


CORE = {
    "items": [
        discovery(
            "", "v1", ConfigMap=("configmaps", "Namespaced"), Secret=("secrets", "Namespaced"),
            Namespace=("namespaces", "Cluster"),
        )
    ]
}  # fmt: skip
GROUPS = {"items": [discovery("kueue.x-k8s.io", "v1beta2", ClusterQueue=("clusterqueues", "Cluster"))]}

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers in order; the last one for ever. Discovery is answered beside."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in {"/api", "/apis"}:
            return httpx.Response(200, json=CORE if request.url.path == "/api" else GROUPS)
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


def client(script: Script) -> KubeClient:
    return KubeClient(httpx.Client(transport=httpx.MockTransport(script), base_url="https://kube:6443"))


def ok(body: Any = CONFIG_MAP, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=body, headers=headers)


def status(code: int, reason: str = "", message: str = "", **more: Any) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "reason": reason, "message": message, **more})


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


class TestPatience:
    @pytest.mark.parametrize(
        "trouble",
        [
            httpx.Response(429, headers={"Retry-After": "1"}),
            status(500),
            httpx.Response(503),
            httpx.Response(504),
            status(409, "Conflict", "the object has been modified"),
            httpx.ConnectError("refused"),
            httpx.ReadTimeout("slow"),
            httpx.RemoteProtocolError("cut off"),
        ],
        ids=repr,
    )
    def test_an_apply_is_repeated(self, trouble: Answer) -> None:
        script = Script(trouble, trouble, ok())
        assert client(script).apply(CONFIG_MAP).body == CONFIG_MAP
        assert len(script.requests) == 3

    @pytest.mark.parametrize(("version", "tries"), [({}, 2), ({"resourceVersion": "7"}, 1)], ids=["any", "one"])
    def test_a_patch_of_one_version_is_not_repeated_once_that_has_passed(
        self, version: dict[str, str], tries: int
    ) -> None:
        script = Script(status(409, "Conflict", "the object has been modified"), ok())
        kube, patch = client(script), {"metadata": {"labels": {"a": "b"}, **version}}
        if tries == 1:
            with pytest.raises(RefusedError, match="has been modified"):
                kube.merge_patch("v1", key_of(CONFIG_MAP), patch)
        else:
            assert kube.merge_patch("v1", key_of(CONFIG_MAP), patch).body == CONFIG_MAP
        assert len(script.requests) == tries

    @pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 422])
    def test_a_refusal_is_not_repeated(self, code: int) -> None:
        script = Script(status(code))
        with pytest.raises(AllotmentError):
            client(script).apply(CONFIG_MAP)
        assert len(script.requests) == 1

    @pytest.mark.parametrize(
        ("trouble", "tries"),
        [
            (httpx.Response(429), 2),
            (httpx.ConnectError("refused"), 2),
            (httpx.Response(503), 1),
            (httpx.ReadTimeout("slow"), 1),
        ],
        ids=repr,
    )
    def test_a_create_is_repeated_only_where_it_cannot_have_happened(self, trouble: Answer, tries: int) -> None:
        script = Script(trouble, ok())
        kube = client(script)
        if tries == 1:
            with pytest.raises(UnreachableError):
                kube.create(CONFIG_MAP)
        else:
            kube.create(CONFIG_MAP)
        assert len(script.requests) == tries

    def test_a_create_that_only_tries_is_repeated(self) -> None:
        script = Script(httpx.Response(503), ok())
        client(script).create(CONFIG_MAP, dry_run=True)
        assert len(script.requests) == 2

    def test_patience_ends(self) -> None:
        script = Script(httpx.Response(503))
        with pytest.raises(UnreachableError, match="again and again"):
            client(script).apply(CONFIG_MAP)
        assert len(script.requests) == 4

    def test_a_server_that_never_answers(self) -> None:
        with pytest.raises(UnreachableError, match="does not answer") as caught:
            client(Script(httpx.ConnectError("refused"))).get("v1", KEY)
        assert caught.value.exit_code == 9
        assert caught.value.fix

    @pytest.mark.parametrize(
        ("trouble", "why"),
        [
            (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
            (httpx.ConnectError(""), "no connection"),
            (httpx.ConnectTimeout(""), "no connection in time"),
            (httpx.ReadTimeout(""), "no answer in time"),
            (httpx.ReadError(""), "the connection was lost"),
            (httpx.RemoteProtocolError(""), "the exchange broke off"),
            (httpx.RemoteProtocolError("cut\noff"), "cut\\noff"),
        ],
        ids=repr,
    )
    def test_why_it_does_not_answer_is_said_in_words(self, trouble: Answer, why: str) -> None:
        with pytest.raises(UnreachableError) as caught:
            client(Script(trouble)).get("v1", KEY)
        assert caught.value.why == why


class TestErrors:
    def test_not_signed_in(self) -> None:
        with pytest.raises(NotSignedInError, match="credentials"):
            client(Script(status(401))).get("v1", KEY)

    def test_forbidden_has_its_own_exit_code(self) -> None:
        with pytest.raises(RefusedError) as caught:
            client(Script(status(403, "Forbidden", "no rights"))).apply(CONFIG_MAP)
        assert isinstance(caught.value, ForbiddenError)
        assert (caught.value.exit_code, caught.value.status, caught.value.message) == (5, 403, "no rights")

    def test_a_500_about_the_object_is_a_refusal(self) -> None:
        with pytest.raises(RefusedError) as caught:
            client(Script(status(500, "InternalError", "cannot convert"))).apply(CONFIG_MAP)
        assert caught.value.message == "cannot convert"

    def test_field_conflicts(self) -> None:
        causes = [
            {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using v1', "field": ".data.a"},
            {"reason": "FieldManagerConflict",
             "message": 'conflict with "x" with subresource "scale" using apps/v1', "field": ".spec.replicas"},
        ]  # fmt: skip
        script = Script(status(409, "Conflict", "2 conflicts", details={"causes": causes}))
        with pytest.raises(FieldConflictError) as caught:
            client(script).apply(CONFIG_MAP)
        found = [(conflict.manager, conflict.field) for conflict in caught.value.conflicts]
        assert found == [("kubectl-edit", ".data.a"), ("x", ".spec.replicas")]
        assert len(script.requests) == 1

    @pytest.mark.parametrize("code", [400, 422, 500, 403])
    def test_a_refused_secret_is_not_quoted(self, code: int) -> None:
        secret = {**CONFIG_MAP, "kind": "Secret", "data": {"token": CANARY}}
        causes = [{"field": "data.token", "message": f"bad {CANARY}"}]
        answer = status(code, "Invalid", f"bad value {CANARY}", details={"causes": causes})
        for write in (lambda kube: kube.apply(secret), lambda kube: kube.create(secret)):
            with pytest.raises(AllotmentError) as caught:
                write(client(Script(answer)))
            assert CANARY not in str(caught.value)
            assert CANARY not in repr(caught.value.__dict__)
            assert "data.token" in str(caught.value)

    @pytest.mark.parametrize("text", ["<html>sign in</html>", "[]", ""])
    def test_something_that_is_no_api_server(self, text: str) -> None:
        with pytest.raises(UnreachableError, match="does not answer as"):
            client(Script(httpx.Response(200, text=text))).get("v1", KEY)

    def test_an_unknown_kind(self) -> None:
        script = Script(ok())
        kube = client(script)
        with pytest.raises(RefusedError) as caught:
            kube.apply({**CONFIG_MAP, "kind": "Gadget"})
        assert caught.value.status == 404
        assert list(kube.list("v1", "Gadget")) == []
        assert kube.get("v1", ObjectKey("", "Gadget", "", "x")) is None
        assert not kube.delete("v1", ObjectKey("", "Gadget", "", "x"))
        assert script.requests == []


class TestRequests:
    def test_apply(self) -> None:
        script = Script(ok())
        client(script).apply(CONFIG_MAP, dry_run=True, force=True)
        (request,) = script.requests
        assert (request.method, request.url.path) == ("PATCH", "/api/v1/namespaces/cv/configmaps/x")
        assert dict(request.url.params) == {"fieldManager": "allotment", "force": "true", "dryRun": "All"}
        assert request.headers["Content-Type"] == "application/apply-patch+yaml"
        assert json.loads(request.content) == CONFIG_MAP

    def test_another_field_manager_is_that_of_every_write(self) -> None:
        script = Script(ok())
        http = httpx.Client(transport=httpx.MockTransport(script), base_url="https://kube:6443")
        kube = KubeClient(http, manager="allotment-sandbox")
        kube.apply(CONFIG_MAP)
        kube.create(CONFIG_MAP)
        kube.merge_patch("v1", KEY, {})
        kube.merge_patch("v1", KEY, {}, manager="named")
        managers = [request.url.params["fieldManager"] for request in script.requests]
        assert managers == ["allotment-sandbox", "allotment-sandbox", "allotment-sandbox", "named"]

    def test_cluster_scoped(self) -> None:
        script = Script(ok())
        body = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "cv"}}
        client(script).apply(body)
        assert script.requests[0].url.path == "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/cv"

    def test_acting_as_somebody(self) -> None:
        script = Script(ok())
        client(script).create(CONFIG_MAP, identity=Identity("ada", ("nlp", "system:authenticated")))
        headers = script.requests[0].headers
        assert headers["Impersonate-User"] == "ada"
        assert headers.get_list("Impersonate-Group") == ["nlp", "system:authenticated"]

    def test_acting_as_somebody_whose_groups_are_any_text(self) -> None:
        script = Script(ok())
        client(script).create(CONFIG_MAP, identity=Identity("zoë@acme.example", ("Équipe données",)))
        sent = {name: value.decode() for name, value in script.requests[0].headers.raw if name.startswith(b"Impers")}
        assert sent == {b"Impersonate-User": "zoë@acme.example", b"Impersonate-Group": "Équipe données"}

    def test_delete_names_the_very_object_and_a_dry_run_stands_in_the_body(self) -> None:
        script = Script(ok())
        client(script).delete("v1", KEY, uid="u1", dry_run=True)
        options = json.loads(script.requests[0].content)
        assert options["preconditions"] == {"uid": "u1"}
        assert options["dryRun"] == ["All"]
        assert options["propagationPolicy"] == "Background"

    def test_a_subresource(self) -> None:
        script = Script(ok())
        client(script).merge_patch("v1", KEY, {"status": {}}, subresource="status")
        assert script.requests[0].url.path.endswith("/configmaps/x/status")

    def test_access_review(self) -> None:
        script = Script(ok({"kind": "SubjectAccessReview", "status": {"allowed": True}}))
        question = AccessQuestion("create", "", "pods", "exec", "cv")
        assert client(script).allowed(Identity("ada", ("nlp",)), question)
        spec = json.loads(script.requests[0].content)["spec"]
        assert (spec["user"], spec["groups"]) == ("ada", ["nlp"])
        assert spec["resourceAttributes"]["subresource"] == "exec"

    def test_warnings(self) -> None:
        answer = ok(Warning='299 - "one \\"quoted\\"", 299 - "two"')
        assert client(Script(answer)).apply(CONFIG_MAP).warnings == ('one "quoted"', "two")
        assert warnings_of(['110 x "stale"']) == ()


class TestPages:
    def test_pages_follow_each_other_and_items_get_their_kind(self) -> None:
        pages = (
            {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]},
            {"metadata": {}, "items": [{"metadata": {"name": "b"}}]},
        )
        script = Script(ok(pages[0]), ok(pages[1]))
        found = list(client(script).list("v1", "ConfigMap", namespace="cv", labels="a=b"))
        assert [(body["apiVersion"], body["kind"], body["metadata"]["name"]) for body in found] == [
            ("v1", "ConfigMap", "a"), ("v1", "ConfigMap", "b"),
        ]  # fmt: skip
        first, second = (dict(request.url.params) for request in script.requests)
        assert first == {"limit": str(PAGE_SIZE), "labelSelector": "a=b"}
        assert second["continue"] == "next"

    def test_an_expired_token_goes_on_with_the_one_offered(self) -> None:
        gone = status(410, "Expired", "too old", metadata={"continue": "fresh"})
        script = Script(
            ok({"metadata": {"continue": "old"}, "items": [{"metadata": {"name": "a"}}]}),
            gone,
            ok({"metadata": {}, "items": [{"metadata": {"name": "b"}}]}),
        )
        assert len(list(client(script).list("v1", "ConfigMap"))) == 2
        assert dict(script.requests[2].url.params)["continue"] == "fresh"


def test_server() -> None:
    info = client(Script(ok({"gitVersion": "v1.36.3"}))).server()
    assert (info.url, info.version) == ("https://kube:6443", "v1.36.3")


def test_a_kind_that_comes_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kube = client(Script(ok()))
    assert not kube.serves("jobset.x-k8s.io/v1alpha2", "JobSet")
    later = discovery("jobset.x-k8s.io", "v1alpha2", JobSet=("jobsets", "Namespaced"))
    monkeypatch.setitem(GROUPS, "items", [*GROUPS["items"], later])
    monkeypatch.setattr("allotment.adapters.kube.client.REDISCOVER_AFTER", 0.0)
    assert kube.serves("jobset.x-k8s.io/v1alpha2", "JobSet")


def changes(*lines: bytes | Exception) -> httpx.Response:
    """A stream that ends, or breaks off where an error stands."""

    def stream() -> Iterator[bytes]:
        for line in lines:
            if isinstance(line, Exception):
                raise line
            yield line

    return httpx.Response(200, content=stream())


def change(word: str, name: str, version: str, **more: Any) -> bytes:
    body = {"metadata": {"name": name, "resourceVersion": version}, **more}
    return json.dumps({"type": word, "object": body}).encode() + b"\n"


LISTED = ok({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]})


BAD = '{"metadata": {"name": "bad", "namespace": "cv", "resourceVersion": "8"}, "data": {"a": %s}}' % ("9" * 5000)
GOOD = json.dumps({"metadata": {"name": "good", "namespace": "cv"}})
LIST = f'{{"metadata": {{"resourceVersion": "7"}}, "items": [{BAD}, {GOOD}]}}'.encode()


class TestUnreadable:
    """A value that cannot be held costs who looks its object alone; who decides gets none that is cut short."""

    def test_who_reads_a_cluster_gets_the_others_and_the_name(self) -> None:
        script = Script(httpx.Response(200, content=LIST))
        reader = ClusterReader(client(script), ())
        kind = next(each for each in KINDS if each.kind == "Namespace")
        reader.take_all(kind, "v1")
        assert [each.name for each in reader.objects.namespaces] == ["good"]
        assert [(each.what, each.detail) for each in reader.gaps] == [
            ("Namespace/cv/bad, all of it", "an integer of more than 64 bits")
        ]
        script.answers = [httpx.Response(200, content=BAD.encode())]
        for _ in range(4):
            reader.attempt(lambda: reader.take_one(kind, "v1", KEY), "bad")
        assert {each.what for each in reader.gaps} == {"Namespace/cv/bad, all of it"}

    def test_a_watch_goes_on(self) -> None:
        event = f'{{"type": "ADDED", "object": {BAD}}}\n'.encode()
        script = Script(httpx.Response(200, content=LIST), changes(event))
        events = list(client(script).watch("v1", "ConfigMap"))
        assert [(each.word.value, each.body.get("metadata", {}).get("name"), each.version) for each in events] == [
            ("there", "bad", ""), ("there", "good", ""), ("current", None, "7"), ("current", None, "7"),
            ("there", "bad", "8"),
        ]  # fmt: skip
        assert [isinstance(each.body, UnreadableObject) for each in events] == [True, False, False, False, True]
        assert events[-1].body["kind"] == "ConfigMap"

    def test_who_decides_is_refused(self) -> None:
        with pytest.raises(UnreachableError):
            list(client(Script(httpx.Response(200, content=LIST))).list("v1", "ConfigMap"))
        with pytest.raises(UnreachableError):
            client(Script(httpx.Response(200, content=BAD.encode()))).get("v1", KEY)


class TestWatch:
    def test_it_lists_then_watches_from_there(self) -> None:
        halves = change("ADDED", "b\u2028", "8")
        script = Script(
            LISTED, changes(halves[:9], halves[9:] + change("BOOKMARK", "", "9"), change("DELETED", "a", "10"))
        )
        events = list(client(script).watch("v1", "ConfigMap", namespace="cv"))
        assert [(event.word.value, event.version) for event in events] == [
            ("there", ""), ("current", "7"), ("current", "7"), ("there", "8"), ("current", "9"), ("gone", "10"),
        ]  # fmt: skip
        assert events[3].body["metadata"]["name"] == "b\u2028"
        assert events[3].body["kind"] == "ConfigMap"
        asked = dict(script.requests[1].url.params)
        assert asked.pop("timeoutSeconds")
        assert asked == {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "7"}
        assert script.requests[1].url.path == "/api/v1/namespaces/cv/configmaps"

    def test_what_is_no_event_is_told_and_stops_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("allotment.adapters.kube.watching.LONGEST_LINE", 300)
        poison = (
            b"{\n",
            b"[]\n",
            b'{"type": "ADDED"}\n',
            b'{"type": "NEW", "object": {}}\n',
            b"x" * 400,
            b"x" * 400,
            b"\n",
        )
        script = Script(changes(*poison, change("ADDED", "b", "8")))
        words = [event.word.value for event in client(script).watch("v1", "ConfigMap", since="7")]
        assert words == ["current", *["unreadable"] * 5, "there"]

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (status(410, "Expired"), VersionGoneError),
            (changes(change("ERROR", "", "", code=410, reason="Expired", message="too old")), VersionGoneError),
            (changes(change("ERROR", "", "", code=500, message="storage")), UnreachableError),
            (changes(change("ERROR", "", "", code=403, reason="Forbidden", message="no")), RefusedError),
            (changes(change("ADDED", "b", "8"), httpx.ReadError("cut off")), UnreachableError),
            (changes(httpx.ReadTimeout("silent")), UnreachableError),
            (httpx.ConnectError("refused"), UnreachableError),
            (status(503), UnreachableError),
            (status(401), NotSignedInError),
            (status(403, "Forbidden", "cannot watch"), ForbiddenError),
        ],
        ids=range(10),
    )
    def test_how_it_ends(self, answer: Answer, error: type[Exception]) -> None:
        with pytest.raises(error):
            list(client(Script(answer)).watch("v1", "ConfigMap", since="7"))
