"""The spool: what is written is read once, whole, and nothing that follows damage is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.worker import spool
from maestro.worker.spool import Spool


def test_entries_come_back_in_order_from_any_stored_offset(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert spool.read(path, 0) == ([], 0)
    spool.append(path, {"type": "a", "text": "zeile\nzwei \u2028 \x85 é \ud800"})
    first, offset = spool.read(path, 0)
    spool.append(path, {"type": "b"})
    assert first[0]["text"].startswith("zeile\nzwei \u2028 \x85 é")
    assert [e["type"] for e in spool.read(path, offset)[0]] == ["b"]


def test_a_torn_last_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    spool.append(path, {"type": "a"})
    with path.open("a") as handle:
        handle.write('{"type": "b"')
    entries, offset = spool.read(path, 0)
    assert [e["type"] for e in entries] == ["a"]
    with path.open("a") as handle:
        handle.write("}\n")
    assert [e["type"] for e in spool.read(path, offset)[0]] == ["b"]


def test_healing_ends_a_torn_line_so_that_the_next_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    spool.repair_tail(path)
    assert not path.exists()
    path.write_text('{"type": "torn')
    spool.repair_tail(path)
    spool.append(path, {"type": "next"})
    spool.repair_tail(path)
    assert [e["type"] for e in spool.read(path, 0)[0]] == ["garbled", "next"]


@pytest.mark.parametrize("torn", [b'{"type": "torn', b"\xf0\x9f", b'{"type": "whole"}', b"\0" * 512])
def test_a_torn_line_does_not_swallow_the_one_that_is_written_next(tmp_path: Path, torn: bytes) -> None:
    """As a full disk leaves it, in the inbox and in the events alike."""
    path = tmp_path / "inbox.jsonl"
    spool.append(path, {"type": "first"})
    with path.open("ab") as handle:
        handle.write(torn)
    spool.append(path, {"type": "next"})
    spool.append(path, {"type": "last"})
    types = [e["type"] for e in spool.read(path, 0)[0]]
    assert [types[0], *types[-2:]] == ["first", "next", "last"]
    assert len(types) == 4


def test_a_line_that_never_ends_is_taken_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_READ_LIMIT", 64)
    monkeypatch.setattr(spool, "_LINE_LIMIT", 256)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"x" * 1000 + b'\n{"type": "next"}\n')
    seen, offset = [], 0
    while found := spool.read(path, offset)[0]:
        seen += found
        offset = spool.read(path, offset)[1]
    assert [e["type"] for e in seen] == ["garbled"] * 4 + ["next"]
    assert offset == path.stat().st_size


def test_a_word_reaches_the_inbox_whatever_stands_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "inbox.jsonl").mkdir()
    spool.send(tmp_path, {"type": "stop"}, None)
    assert [e["type"] for e in spool.read(tmp_path / "inbox.jsonl", 0)[0]] == ["stop"]
    spool.send(tmp_path / "gone", {"type": "stop"}, None)


def test_a_damaged_line_is_seen_and_blocks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\xff\xfe\n[1]\nnull\n\n{"type": "ok"}\n')
    assert [e["type"] for e in spool.read(path, 0)[0]] == ["garbled"] * 3 + ["ok"]


def test_a_line_larger_than_one_read_comes_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    spool.append(path, {"type": "big", "text": "x" * 9_000_000})
    spool.append(path, {"type": "small"})
    entries, offset = spool.read(path, 0)
    assert len(entries[0]["text"]) == 9_000_000
    assert [e["type"] for e in entries[1:] + spool.read(path, offset)[0]] == ["small"]


@given(st.lists(st.text()), st.integers(0, 5))
def test_whatever_is_appended_is_read_exactly_once(tmp_path_factory: object, texts: list[str], cut: int) -> None:
    path = tmp_path_factory.mktemp("spool") / "events.jsonl"  # type: ignore[attr-defined]
    seen, offset = [], 0
    for number, text in enumerate(texts):
        spool.append(path, {"text": text})
        if number % (cut + 1) == 0:
            entries, offset = spool.read(path, offset)
            seen += entries
    seen += spool.read(path, offset)[0]
    assert [e["text"] for e in seen] == [t.encode("utf-8", "replace").decode() for t in texts]


def test_the_lock_is_held_by_one(tmp_path: Path) -> None:
    folder = Spool(tmp_path / "w")
    assert not folder.is_locked()
    folder.create({"a": 1})
    assert folder.path.stat().st_mode & 0o777 == 0o700
    with folder.lock() as mine:
        assert mine
        assert folder.is_locked()
        with folder.lock() as second:
            assert not second
    assert not folder.is_locked()
