"""The portal: pages of the server, as they were built (`portal/` has their sources)."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import Request, Response
from starlette.convertors import Convertor, register_url_convertor

from allotment.api.routes import Routes
from allotment.errors import NotFoundError, shown

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What a page of ours may do: nothing but what came from here, and no text of anybody becomes a program."""
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX: Final = "index.html"
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
"""Of what has a digest in its name."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the portal.

    Attributes:
        kept: what browsers may keep of it, and for how long.
    """

    content: bytes
    type: str
    kept: str


@cache
def _packed(content: bytes) -> bytes:
    """In gzip, once somebody asks: a start does not wait for it."""
    return gzip.compress(content, mtime=0)


class _PagePath(Convertor[str]):
    """Whatever is the path of no call: of calls that are none it is said so, whatever their verb."""

    # Probes and metrics are told elsewhere: whoever asks for them here is not to take the page for an answer.
    regex = r"(?!(?:api/|(?:metrics|healthz|readyz)$)).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", _PagePath())


@cache
def page_files() -> Mapping[str, PageFile]:
    """By path, such as ``a/index-….js``; empty where the portal was not built. All doors of a server have the same."""
    root = resources.files("allotment.api") / "assets"
    return dict(_files(root, "")) if root.is_dir() else {}


def _files(folder: Traversable, before: str) -> list[tuple[str, PageFile]]:
    found: list[tuple[str, PageFile]] = []
    for each in sorted(folder.iterdir(), key=lambda one: one.name):
        path = f"{before}{each.name}"
        if each.is_dir():
            found += _files(each, f"{path}/")
        elif (kind := _TYPES.get(each.name.rpartition(".")[2])) is not None:
            content = each.read_bytes()
            kept = _FOR_GOOD if before else "no-cache"
            found.append((path, PageFile(content, kind, kept)))
    return found


def add_page_routes(routes: Routes) -> None:
    """Every path that is no call's: the files, and the one page for all else, which knows what its address means."""
    files = page_files()

    @routes.page("/{path:page}")
    def page(request: Request, path: str) -> Response:
        file = files.get(path)
        if file is None and "." not in path:
            file = files.get(_INDEX)
        if file is None:
            raise NotFoundError(f"there is no {request.method} {shown('/' + path)}", fix="see /api/v1/openapi.json")
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": file.kept, "Content-Security-Policy": _POLICY, "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(_packed(file.content) if packed else file.content, media_type=file.type, headers=headers)
