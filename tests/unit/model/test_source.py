"""The digest of a directory: of paths and texts, and of nothing else."""

from __future__ import annotations

from allotment.model.source import SourceTree


def test_the_digest_stands_for_the_files_whatever_their_order() -> None:
    one = SourceTree({"a.yaml": "x", "b.yaml": "y"})
    assert one.digest == SourceTree({"b.yaml": "y", "a.yaml": "x"}, {".c.yaml": "z"}).digest
    others = (
        {"a.yaml": "xy", "b.yaml": ""},
        {"a.yamlx": "", "b.yaml": "y"},
        {"a.yaml": "x"},
        {"a.yaml": "xb.yamly"},
        {},
    )
    assert len({one.digest, *(SourceTree(files).digest for files in others)}) == 1 + len(others)
