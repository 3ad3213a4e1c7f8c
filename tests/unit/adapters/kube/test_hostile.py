"""The client against names that lead elsewhere, and against servers that drip, flood, or turn in circles."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

from allotment.adapters.kube import paging
from allotment.adapters.kube.client import KubeClient
from allotment.adapters.kube.transport import Patience
from allotment.errors import AllotmentError, UnreachableError
from allotment.model.manifest import ObjectKey
from allotment.model.salvage import UnreadableObject
from allotment.ports.kube import AccessQuestion, ObjectPart, RefusedError, UnendingError

HOSTILE = (
    "../../../../../../api/v1/namespaces/kube-system/secrets/root-token",
    "../secrets/t",
    "x/../../secrets/t",
    "x/exec",
    "x%2Fexec",
    "%2e%2e",
    "..",
    ".",
    "",
    "x\\..\\y",
    "x?watch=true&timeoutSeconds=3600",
    "x#fragment",
    "x;y",
    "x\r\nHost: evil",
    "x\0y",
    "\ud800",
    "//evil.example/x",
    "https://evil.example/x",
    "\u2025\uff0f..\uff0fx",
)

MAP = "ConfigMap"
PLACE = "/api/v1/namespaces/cv/configmaps"


def body(name: str, namespace: str = "cv") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": MAP, "metadata": {"name": name, "namespace": namespace}}


def part(name: str, namespace: str = "cv", what: str = "status") -> ObjectPart:
    return ObjectPart("v1", "configmaps", name, what, namespace)


def key(name: str, namespace: str = "cv") -> ObjectKey:
    return ObjectKey("", MAP, namespace, name)


CALLS: dict[str, Callable[[KubeClient, str], object]] = {
    "get": lambda kube, name: kube.get("v1", key(name)),
    "get, lenient": lambda kube, name: kube.get("v1", key(name), lenient=True),
    "apply": lambda kube, name: kube.apply(body(name)),
    "patch": lambda kube, name: kube.merge_patch("v1", key(name), {}),
    "patch of a part": lambda kube, name: kube.merge_patch("v1", key(name), {}, subresource="status"),
    "delete": lambda kube, name: kube.delete("v1", key(name)),
    "part": lambda kube, name: kube.read_part(part(name)),
    "part by name": lambda kube, name: kube.read_part(part("x", what=name or "..")),
    "patch of a part by name": lambda kube, name: kube.merge_patch("v1", key("x"), {}, subresource=name),
}
PLACES: dict[str, Callable[[KubeClient, str], object]] = {
    "get": lambda kube, place: kube.get("v1", key("x", place)),
    "list": lambda kube, place: list(kube.list("v1", MAP, namespace=place)),
    "metadata": lambda kube, place: list(kube.list_metadata("v1", MAP, namespace=place)),
    "watch": lambda kube, place: list(kube.watch("v1", MAP, namespace=place)),
    "watch on": lambda kube, place: list(kube.watch("v1", MAP, namespace=place, since="7")),
    "create": lambda kube, place: kube.create(body("x", place)),
    "apply": lambda kube, place: kube.apply(body("x", place)),
    "delete": lambda kube, place: kube.delete("v1", key("x", place)),
    "part": lambda kube, place: kube.read_part(part("x", place)),
}
KINDS = {
    "items": [
        {
            "metadata": {},
            "versions": [
                {"version": "v1", "resources": [
                    {"resource": "configmaps", "scope": "Namespaced", "responseKind": {"kind": MAP}},
                ]},
            ],
        }
    ]
}  # fmt: skip


def serving(answer: Callable[[httpx.Request], httpx.Response], patience: Patience | None = None) -> KubeClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path in {"/api", "/apis"}:
            return httpx.Response(200, json=KINDS if request.url.path == "/api" else {})
        return answer(request)

    return KubeClient(httpx.Client(base_url="https://kube:6443", transport=httpx.MockTransport(handle)), patience)


class Listener:
    """A server that has nothing, and notes where requests go to."""

    def __init__(self) -> None:
        self.asked: list[httpx.URL] = []
        self.kube = serving(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        return httpx.Response(404, json={"kind": "Status", "code": 404, "reason": "NotFound"})

    def sent_by(self, call: Callable[[KubeClient, str], object], text: str) -> list[httpx.URL]:
        """Whatever becomes of them."""
        self.asked.clear()
        refusal = None
        try:
            call(self.kube, text)
        except RefusedError as error:
            refusal = error
        if refusal is not None:
            assert self.asked or refusal.status == 400
            assert "\r" not in str(refusal)
        return self.asked.copy()


@pytest.fixture(scope="module")
def server() -> Listener:
    return Listener()


def segments_of(url: httpx.URL) -> list[str]:
    """As the API server splits a path: decoded first."""
    assert (url.host, url.port) == ("kube", 6443)
    return url.path.split("/")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_name_leads_a_request_elsewhere(server: Listener, call: Callable[[KubeClient, str], object]) -> None:
    usual = len(segments_of(server.sent_by(call, "harmless")[0]))
    for name in HOSTILE:
        for url in server.sent_by(call, name):
            segments = segments_of(url)
            assert url.path.startswith(f"{PLACE}/"), (name, url)
            assert len(segments) <= usual, (name, url)
            assert not {"", ".", ".."} & set(segments[1:]), (name, url)
            assert not url.params.keys() - {"fieldManager", "force"}, (name, url)
    assert any(server.sent_by(call, name) for name in HOSTILE)


@pytest.mark.parametrize("call", PLACES.values(), ids=PLACES)
def test_no_namespace_leads_a_request_elsewhere(server: Listener, call: Callable[[KubeClient, str], object]) -> None:
    usual = [each if each != "harmless" else "" for each in segments_of(server.sent_by(call, "harmless")[0])]
    for place in HOSTILE:
        for url in server.sent_by(call, place) if place else ():
            segments = segments_of(url)
            assert not {"", ".", ".."} & set(segments[1:]), (place, url)
            assert [each if at != 4 else "" for at, each in enumerate(segments)] == usual, (place, url)
            assert "timeoutSeconds" not in url.params or url.params["timeoutSeconds"] != "3600"


def test_names_that_are_legal_arrive_as_they_are(server: Listener) -> None:
    for name in ("system:node-proxier", "a.b-c", "x@y"):
        (url,) = server.sent_by(CALLS["get"], name)
        assert url.raw_path == f"{PLACE}/{name}".encode()


def test_a_server_that_names_kinds_with_paths_is_not_followed() -> None:
    def group(name: Any, version: Any, resource: Any) -> dict[str, Any]:
        listed = {"resource": resource, "scope": "Namespaced", "responseKind": {"kind": "Thing"}}
        return {"metadata": {"name": name}, "versions": [{"version": version, "resources": [listed, None, 7]}, "x"]}

    odd = [
        group("../api", "v1", "secrets"),
        group("a.example", "v1/../../api/v1", "secrets"),
        group("a.example", "v1", "../secrets"),
        group("a.example", 7, "things"),
        {"metadata": 3, "versions": {}},
        None,
        group("b.example", "v1", "things"),
    ]

    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": odd if request.url.path == "/apis" else 7})

    kube = KubeClient(httpx.Client(base_url="https://kube:6443", transport=httpx.MockTransport(handle)))
    assert kube.serves("b.example/v1", "Thing")
    assert not any(kube.serves(version, "Thing") for version in ("a.example/v1", "v1", "../api/v1"))


def listing(*pages: Any, code: int = 200) -> tuple[KubeClient, list[str]]:
    """A server whose pages come in order, the last one for ever; and which tokens were asked for."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("continue", ""))
        page = pages[min(len(asked), len(pages)) - 1]
        if callable(page):
            page = page(len(asked))
        return httpx.Response(page.get("code", code), json=page)

    return serving(answer, Patience(attempts=1)), asked


def page(token: Any, *names: str) -> dict[str, Any]:
    return {"metadata": {"continue": token}, "items": [{"metadata": {"name": name}} for name in names]}


def gone(token: str) -> dict[str, Any]:
    return {"kind": "Status", "code": 410, "reason": "Expired", "metadata": {"continue": token}}


ENDLESS: dict[str, tuple[tuple[Any, ...], str, int]] = {
    "the same token": ((page("abc", "p"),), "a page twice", 2),
    "two tokens in turn": ((page("a"), page("b"), page("a")), "a page twice", 3),
    "410 without a token": ((gone(""),), "no page to go on with", 1),
    "410 again and again": ((page("a"), lambda number: gone(f"t{number}")), "11 times it forgot", 12),
    "pages without end": ((lambda number: page(f"t{number}"),), "more than 20 pages", 20),
    "a token that is no text": ((page(5),), "as page", 1),
}


@pytest.mark.parametrize(("pages", "why", "requests"), ENDLESS.values(), ids=ENDLESS)
def test_a_list_without_end_is_left(
    pages: tuple[Any, ...], why: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 20)
    kube, asked = listing(*pages)
    with pytest.raises(UnreachableError) as caught:
        list(kube.list("v1", MAP, lenient=True))
    assert why in caught.value.why
    assert len(asked) == requests


class FakeClock:
    """Time that passes only while a server is waited for."""

    def __init__(self, page_takes: float) -> None:
        self.now, self.page_takes = 0.0, page_takes

    def monotonic(self) -> float:
        return self.now


LONG = {
    # name: (patience, why, pages taken)
    "time": (Patience(list_seconds=25), "not complete after 25 s", 2),
    "bytes": (Patience(list_bytes=2 << 20), "more than 2 MiB", 3),
}


@pytest.mark.parametrize(("patience", "why", "taken"), LONG.values(), ids=LONG)
def test_all_pages_together_are_bounded(
    patience: Patience, why: str, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(page_takes=10)
    monkeypatch.setattr(paging, "time", clock)
    asked: list[float] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        clock.now += clock.page_takes
        asked.append(clock.now)
        return httpx.Response(200, json={**page(f"t{len(asked)}", "p"), "x": "x" * 600_000})

    found = serving(answer, patience).list("v1", MAP)
    for _ in range(taken):
        next(found)
        clock.now += 1000  # what is done with the objects counts for nothing
    with pytest.raises(UnendingError, match=r"configmaps.* does not come to an end") as caught:
        next(found)
    assert why in caught.value.why


def test_a_page_gets_no_more_time_than_its_list_has_left() -> None:
    patience = Patience(attempts=3, list_seconds=0.015)
    with pytest.raises(UnendingError, match=r"configmaps.* does not come to an end") as caught:
        list(serving(dripping(10, 1, 0.005), patience).list("v1", MAP))
    assert "not complete after 0.015 s" in caught.value.why


@pytest.mark.parametrize(
    "items", [{"a": 1}, [1, None, "x", []], 7, "text"], ids=["an object", "others", "a number", "text"]
)
def test_what_is_no_object_is_set_apart_or_refused(items: Any) -> None:
    kube, _ = listing({"metadata": [], "items": items})
    found = list(kube.list("v1", MAP, lenient=True))
    assert found
    assert all(isinstance(each, UnreadableObject) and each["kind"] == MAP for each in found)
    with pytest.raises(UnreachableError, match="as a Kubernetes API server does"):
        list(kube.list("v1", MAP))


def test_reviews_that_say_nothing_allow_nothing() -> None:
    kube, _ = listing({"status": ["allowed"]}, {"status": {"userInfo": {"username": 7, "groups": "admin"}}})
    assert not kube.permitted(AccessQuestion("get", "", "pods"))
    assert kube.whoami().groups == ()


def dripping(pieces: int, size: int, pause: float) -> Callable[[httpx.Request], httpx.Response]:
    def stream() -> Iterator[bytes]:
        yield b'{"items": [], "x": "'
        for _ in range(pieces):
            time.sleep(pause)
            yield b"x" * size
        yield b'"}'

    return lambda _request: httpx.Response(200, content=stream())


def silent_head(_request: httpx.Request) -> httpx.Response:
    time.sleep(0.05)
    return httpx.Response(200, json={})


BOUNDED = {
    "drips": (dripping(10, 1, 0.005), Patience(attempts=3, answer_seconds=0.015), "not complete after 0.015 s"),
    "begins late": (silent_head, Patience(attempts=3, answer_seconds=0.015), "not complete after 0.015 s"),
    "floods": (dripping(9, 1 << 18, 0.0), Patience(attempts=3, answer_bytes=1 << 20), "more than 1 MiB"),
}


@pytest.mark.parametrize(("answer", "patience", "why"), BOUNDED.values(), ids=BOUNDED)
def test_an_answer_without_end_is_left(
    answer: Callable[[httpx.Request], httpx.Response], patience: Patience, why: str
) -> None:
    kube = serving(answer, patience)
    for ask in (lambda: kube.get("v1", key("x")), lambda: list(kube.list("v1", MAP))):
        with pytest.raises(UnreachableError, match="does not come to an end") as caught:
            ask()
        assert why in caught.value.why


def test_a_body_that_cannot_be_unpacked_is_an_error_in_words() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=iter([b"no gzip at all"]))

    with pytest.raises(AllotmentError):
        serving(answer, Patience(attempts=1)).get("v1", key("x"))


def test_what_came_packed_is_read_once() -> None:
    packed = gzip.compress(json.dumps(body("x")).encode())

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=iter([packed]))

    assert serving(answer).get("v1", key("x")) == body("x")


def test_a_warning_in_any_script_arrives_as_it_was_written() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        headers = [(b"Warning", '299 - "the queue of • näher"'.encode())]
        return httpx.Response(200, headers=headers, json=body("x"))

    assert serving(answer).apply(body("x")).warnings == ("the queue of • näher",)


def test_a_header_that_cannot_be_sent_is_not_repeated_in_the_message() -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("Illegal header value b'Bearer s3cret'")

    with pytest.raises(UnreachableError) as caught:
        list(serving(handle, Patience(attempts=1)).list("v1", MAP))
    assert "s3cret" not in f"{caught.value.what}{caught.value.why}{caught.value.fix}"


def test_an_address_that_the_server_makes_impossible_is_its_failure() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if "continue" in dict(request.url.params):
            raise httpx.InvalidURL("URL too long")
        return httpx.Response(200, json={"metadata": {"continue": "x" * 9}, "items": [body("a")]})

    with pytest.raises(UnreachableError, match="cannot be asked"):
        list(serving(handle).list("v1", MAP))


def test_the_words_by_which_a_watch_is_refused_are_read_to_a_bound() -> None:
    sent = 0

    def words() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b"x" * (1 << 16)

    kube = serving(lambda _request: httpx.Response(403, content=words()))
    with pytest.raises(AllotmentError):
        list(kube.watch("v1", MAP, since="7"))
    assert sent <= 4 << 20
