"""Types are learnt by one thread at a time: msgspec ends the process where two learn one."""

from __future__ import annotations

import ast
import threading
import time
from pathlib import Path

import msgspec
import pytest

import allotment
from allotment.model import decoding
from allotment.model.decoding import converted, decoded_as

SOURCE = Path(allotment.__file__).parent
THREADS = 8


class Inner(msgspec.Struct):
    number: int


class Outer(msgspec.Struct):
    inner: tuple[Inner, ...]


def test_no_two_threads_learn_types_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most, learnt = 0, 0, []
    alone = threading.Lock()

    def decoder(type_: object) -> object:
        nonlocal at_once, most
        with alone:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0)  # gives the others their turn
        learnt.append(type_)
        with alone:
            at_once -= 1
        return msgspec.json.Encoder()

    monkeypatch.setattr(decoding, "_LEARNT", set())
    monkeypatch.setattr(msgspec.json, "Decoder", decoder)
    start = threading.Barrier(THREADS)

    def read(number: int) -> None:
        start.wait()
        if number % 2:
            decoded_as(b'{"inner": [{"number": 1}]}', Outer)
        else:
            converted({"number": 1}, Inner)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == 1
    assert sorted(map(repr, learnt)) == sorted(map(repr, (Inner, Outer))), "each once"


def test_values_are_read_as_msgspec_reads_them() -> None:
    assert converted({"inner": [{"number": "1"}]}, Outer, strict=False) == Outer((Inner(1),))
    with pytest.raises(msgspec.ValidationError):
        converted({"inner": [{"number": "1"}]}, Outer)
    with pytest.raises(msgspec.DecodeError):
        decoded_as("{", dict[str, int])


def test_nothing_else_reads_into_types() -> None:
    """A call of msgspec's own learns its type beside all others."""
    found = []
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name == "decoding.py" or "msgspec" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                called, keywords = ast.unparse(node.func), {each.arg for each in node.keywords}
                into_a_type = called.endswith(".decode") and "type" in keywords
                if called.startswith("msgspec.") and (into_a_type or called.endswith(("convert", "Decoder"))):
                    found.append(f"{path}:{node.lineno}")
    assert found == []
