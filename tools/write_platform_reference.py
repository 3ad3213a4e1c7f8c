"""Write the generated half of docs/platform-directory.md. Takes no arguments."""

from __future__ import annotations

from pathlib import Path

from allotment.spec.reference import START, reference

DOCUMENT = Path(__file__).parent.parent / "docs" / "platform-directory.md"

if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text[: text.index(START) + len(START)] + "\n" + reference(), encoding="utf-8")
