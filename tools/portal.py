"""Build the portal, and see that what is committed was built from what is committed.

    python -m tools.portal build    # portal/ → src/allotment/api/assets/, with types anew from the OpenAPI document
    python -m tools.portal check    # builds in a folder of its own, and says what differs

Node.js 20 is needed. What was built is committed: whoever starts Allotment needs no Node.js.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tools.openapi import document

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = ROOT / "portal"
BUILT: Final = ROOT / "src" / "allotment" / "api" / "assets"
OPENAPI: Final = SOURCES / "openapi.json"
SCHEMA: Final = SOURCES / "src" / "api" / "schema.ts"
DIGEST: Final = SOURCES / "built.sha256"
"""Holds the digest of the sources that the committed files were built from."""
_LEFT_OUT: Final = ("node_modules", "dist", DIGEST.name)


def openapi_text() -> str:
    """The OpenAPI document, as it is committed for the portal's types; no type rests on an example."""
    return json.dumps(_without_examples(document()), indent=1, sort_keys=True) + "\n"


def _without_examples(told: dict[str, Any]) -> dict[str, Any]:
    """The document, of whose bodies and parameters nothing is shown but what they are."""
    operations = [each for some in told["paths"].values() for each in some.values()]
    bodies = [each["requestBody"] for each in operations if "requestBody" in each]
    responses = [each for one in (*operations, told["components"]) for each in one["responses"].values()]
    forms = [form for each in (*bodies, *responses) for form in each.get("content", {}).values()]
    for each in (*forms, *(one for operation in operations for one in operation.get("parameters", ()))):
        each.pop("example", None)
        each.pop("examples", None)
    return told


def digest() -> str:
    """Of all that the portal is built from."""
    found = hashlib.sha256()
    for path in sorted(each for each in SOURCES.rglob("*") if each.is_file()):
        name = path.relative_to(SOURCES)
        if not set(name.parts) & set(_LEFT_OUT):
            found.update(f"{name.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def build(folder: Path, into: Path) -> None:
    """Build sources that lie in a folder.

    Args:
        folder: with the sources, and the OpenAPI document.
        into: where the files go; whatever is there is removed.
    """
    for words in (
        ("npm", "ci", "--no-audit", "--no-fund"),
        ("npm", "run", "--silent", "types"),
        ("npx", "--no-install", "tsc", "--noEmit"),
        ("npx", "--no-install", "vite", "build", "--logLevel", "warn", "--outDir", str(into), "--emptyOutDir"),
    ):
        subprocess.run(words, cwd=folder, check=True, env={**os.environ, "NODE_ENV": "production"} | _DEV, timeout=600)


def build_gallery(folder: Path, into: Path) -> None:
    """Build the page of every part in every state, which nobody is served.

    Args:
        folder: empty; the sources come there.
        into: where the page goes, ``gallery.html``.
    """
    sources = folder / "portal"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    config = ("--config", "vite.gallery.ts", "--logLevel", "warn", "--outDir", str(into), "--emptyOutDir")
    for words in (("npm", "ci", "--no-audit", "--no-fund"), ("npx", "--no-install", "vite", "build", *config)):
        subprocess.run(words, cwd=sources, check=True, env={**os.environ, "NODE_ENV": "production"} | _DEV, timeout=600)


_DEV: Final = {"npm_config_include": "dev", "npm_config_ignore_scripts": "true"}


def differences(folder: Path) -> list[str]:
    """What differs between what is committed and what the same sources come to, built in a folder of its own.

    Args:
        folder: empty.
    """
    sources, built = folder / "portal", folder / "assets"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    found = []
    text = openapi_text()
    if OPENAPI.read_text(encoding="utf-8") != text:
        found.append(f"{OPENAPI.relative_to(ROOT)} is not what the server tells")
        (sources / OPENAPI.name).write_text(text, encoding="utf-8")
    build(sources, built)
    if (sources / SCHEMA.relative_to(SOURCES)).read_bytes() != SCHEMA.read_bytes():
        found.append(f"{SCHEMA.relative_to(ROOT)} is not what {OPENAPI.name} says")
    return found + _unlike(BUILT, built, "")


def _unlike(one: Path, other: Path, before: str) -> list[str]:
    compared = filecmp.dircmp(one, other)
    found = [f"{before}{each} was not built from what is there" for each in compared.left_only]
    found += [f"{before}{each} was built and is not committed" for each in compared.right_only]
    _, differs, _ = filecmp.cmpfiles(one, other, compared.common_files, shallow=False)
    found += [f"{before}{each} differs" for each in differs]
    for name in compared.common_dirs:
        found += _unlike(one / name, other / name, f"{before}{name}/")
    return found


def main() -> int:
    """Build, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("act", choices=("build", "check"))
    if parser.parse_args().act == "build":
        OPENAPI.write_text(openapi_text(), encoding="utf-8")
        build(SOURCES, BUILT)
        DIGEST.write_text(f"{digest()}\n", encoding="utf-8")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = differences(Path(folder))
    for each in found:
        sys.stdout.write(f"{each}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
