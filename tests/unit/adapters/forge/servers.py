"""Servers in memory that answer as forges do, by the schemas that these publish; as far as pull requests are asked for.

Gitea's is of `routers/api/v1/repo/pull.go` and `services/convert/pull.go` (1.22), GitHub's of its OpenAPI description
of 2022-11-28. A real Gitea does not build (docs/decisions/0030).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from allotment.ports.forge import PullRequestState

OWN, FORK = 11, 12
"""Numbers of the repository, and of a fork of it."""


@dataclass
class Pull:
    number: int
    title: str
    body: str
    head: str
    base: str
    repository: int = OWN
    state: str = "open"
    merged: bool = False


@dataclass
class ForgeServer:
    """What both have in common.

    Attributes:
        silent: how many answers are lost once the server has done what they are to.
    """

    token: str = "s3cret"
    branches: set[str] = field(default_factory=lambda: {"main"})
    pulls: list[Pull] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    silent: int = 0

    scheme = ""
    api = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.headers.get("Authorization") != f"{self.scheme} {self.token}":
            return httpx.Response(401, json={"message": "Bad credentials"})
        answer = self.answer(request)
        if self.silent:
            self.silent -= 1
            raise httpx.ReadTimeout("lost")
        return answer

    def answer(self, request: httpx.Request) -> httpx.Response:
        found = re.fullmatch(rf"{self.api}/repos/team/platform/pulls(?:/([0-9]+))?", request.url.path)
        if found is None:
            return self.missing()
        if found[1] and request.method == "PATCH" and int(found[1]) <= len(self.pulls):
            self.pulls[int(found[1]) - 1].state = json.loads(request.content)["state"]
        if found[1]:
            number = int(found[1])
            return (
                httpx.Response(200, json=self.shown(self.pulls[number - 1]))
                if number <= len(self.pulls)
                else self.missing()
            )
        if request.method == "GET":
            return httpx.Response(200, json=[self.shown(each) for each in self.listed(request.url.params)])
        return self.created(json.loads(request.content))

    def missing(self) -> httpx.Response:
        return httpx.Response(404, json={"message": "Not Found"})

    def created(self, asked: dict[str, str]) -> httpx.Response:
        same = [each for each in self.pulls if each.repository == OWN and each.state == "open"
                and (each.head, each.base) == (asked["head"], asked["base"])]  # fmt: skip
        if asked["head"] not in self.branches:
            return self.unknown_branch()
        if same:
            return self.there_already(same[0])
        pull = Pull(len(self.pulls) + 1, asked["title"], asked["body"], asked["head"], asked["base"])
        self.pulls.append(pull)
        return httpx.Response(201, json=self.shown(pull))

    def decide(self, number: int, state: PullRequestState) -> None:
        pull = self.pulls[number - 1]
        pull.state, pull.merged = "closed", state is PullRequestState.MERGED
        self.branches.discard(pull.head)

    def shown(self, pull: Pull) -> dict[str, Any]:
        raise NotImplementedError

    def listed(self, params: httpx.QueryParams) -> list[Pull]:
        raise NotImplementedError

    def unknown_branch(self) -> httpx.Response:
        raise NotImplementedError

    def there_already(self, pull: Pull) -> httpx.Response:
        raise NotImplementedError


@dataclass
class GiteaServer(ForgeServer):
    """Attributes:
    most: that a page has, whatever is asked for.
    """

    most: int = 50

    scheme = "token"
    api = "/api/v1"

    def shown(self, pull: Pull) -> dict[str, Any]:
        there = pull.head in self.branches
        return {
            "id": 1000 + pull.number, "number": pull.number, "title": pull.title, "body": pull.body,
            "state": pull.state,
            "html_url": f"https://forge.example/team/platform/pulls/{pull.number}",
            "url": f"https://forge.example/team/platform/pulls/{pull.number}",
            "merged": pull.merged, "merged_at": "2026-11-29T01:00:00Z" if pull.merged else None, "mergeable": True,
            "base": {"label": pull.base, "ref": pull.base, "sha": "0" * 40, "repo_id": OWN, "repo": {"id": OWN}},
            "head": {
                "label": pull.head, "ref": pull.head if there else f"refs/pull/{pull.number}/head", "sha": "9" * 40,
                "repo_id": pull.repository, "repo": {"id": pull.repository},
            },
        }  # fmt: skip

    def listed(self, params: httpx.QueryParams) -> list[Pull]:
        found = [each for each in reversed(self.pulls) if params["state"] in {"all", each.state}]
        size = min(self.most, int(params["limit"]))
        return found[(int(params["page"]) - 1) * size :][:size]

    def unknown_branch(self) -> httpx.Response:
        return httpx.Response(
            404, json={"message": "The target couldn't be found.", "url": "/api/swagger", "errors": []}
        )

    def there_already(self, pull: Pull) -> httpx.Response:
        ids = f"id: {1000 + pull.number}, issue_id: {pull.number}, head_repo_id: {OWN}, base_repo_id: {OWN}"
        branches = f"head_branch: {pull.head}, base_branch: {pull.base}"
        said = f"pull request already exists for these targets [{ids}, {branches}]"
        return httpx.Response(409, json={"message": said, "url": "/api/swagger"})


@dataclass
class GithubServer(ForgeServer):
    scheme = "Bearer"
    api = "/api/v3"

    def shown(self, pull: Pull) -> dict[str, Any]:
        # A list has no `merged`, and a fork that was deleted no repository.
        owner = "team" if pull.repository == OWN else "mallory"
        return {
            "id": 1000 + pull.number, "number": pull.number, "title": pull.title, "body": pull.body,
            "state": pull.state,
            "html_url": f"https://forge.example/team/platform/pull/{pull.number}",
            "merged_at": "2026-11-29T01:00:00Z" if pull.merged else None, "draft": False,
            "base": {"label": f"team:{pull.base}", "ref": pull.base, "sha": "0" * 40, "repo": {"id": OWN}},
            "head": {
                "label": f"{owner}:{pull.head}", "ref": pull.head, "sha": "9" * 40,
                "repo": {"id": OWN} if pull.repository == OWN else None,
            },
        }  # fmt: skip

    def listed(self, params: httpx.QueryParams) -> list[Pull]:
        owner, _, branch = params["head"].partition(":")
        assert owner == "team"
        found = [each for each in reversed(self.pulls) if params["state"] in {"all", each.state}
                 and (each.head, each.base) == (branch, params["base"])]  # fmt: skip
        size = int(params["per_page"])
        return found[(int(params["page"]) - 1) * size :][:size]

    def unknown_branch(self) -> httpx.Response:
        return self.invalid({"resource": "PullRequest", "field": "head", "code": "invalid"})

    def there_already(self, pull: Pull) -> httpx.Response:
        said = f"A pull request already exists for team:{pull.head}."
        return self.invalid({"resource": "PullRequest", "code": "custom", "message": said})

    def invalid(self, error: dict[str, str]) -> httpx.Response:
        return httpx.Response(422, json={"message": "Validation Failed", "errors": [error], "status": "422"})
