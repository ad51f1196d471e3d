"""The spool: what is written is read once, whole, and nothing that follows damage is lost."""

from __future__ import annotations

from pathlib import Path

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
    spool.heal(path)
    assert not path.exists()
    path.write_text('{"type": "torn')
    spool.heal(path)
    spool.append(path, {"type": "next"})
    spool.heal(path)
    assert [e["type"] for e in spool.read(path, 0)[0]] == ["garbled", "next"]


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
