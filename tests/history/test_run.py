from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.history.conftest import Import
from tests.store.oracle import expected, found
from usage_plugin.history import Format, Rejects
from usage_plugin.history.lines import Line, Place
from usage_plugin.history.repeats import Repeats
from usage_plugin.store.tables import UsageRecord

Rows = Callable[..., list[UsageRecord]]
REFUSE = {
    "sqlite": "CREATE TRIGGER no BEFORE INSERT ON usage_target WHEN NEW.model = 'bad'"
    " BEGIN SELECT RAISE(ABORT, 'no'); END",
    "postgresql": "ALTER TABLE usage_target ADD CHECK (model <> 'bad')",
}


def write(path: Path, models: list[str]) -> Path:
    lines = [f"2026-03-01T10:{n // 60:02}:{n % 60:02}Z,{model},5" for n, model in enumerate(models)]
    path.write_text("\n".join(["time,model,tokens_in", *lines]) + "\n", encoding="utf-8")
    return path


def test_what_the_database_refuses_is_rejected_alone(
    imports: Import, rows: Rows, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls of its batch are stored, each once, and the totals agree."""
    monkeypatch.setattr("usage_plugin.history.run.BATCH", 8)
    with engine.begin() as connection:
        connection.execute(text(REFUSE[engine.dialect.name]))
    tally = imports(Format.CSV, write(tmp_path / "a.csv", [*["good"] * 5, "bad", *["good"] * 9, "bad", "good"]))
    entries = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [(entry["line"], entry["model"]) for entry in entries] == [(7, "bad"), (17, "bad")]
    assert (tally.read, tally.new, tally.known, tally.rejected) == (17, 15, 0, 2)
    assert {row.model for row in rows()} == {"good"}
    assert expected(engine) == found(engine)


def test_rejected_lines_hold_no_content(imports: Import, tmp_path: Path) -> None:
    """A log may have prompts in columns that are no field of a call."""
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "1", "time": "never", "tokens_in": 1, "prompt": "a secret"}\n{"prompt": "a secret"\n')
    assert imports(Format.JSONL, file).rejected == 2
    assert "secret" not in (tmp_path / "rejected.jsonl").read_text()
    assert '"request_id": "1"' in (tmp_path / "rejected.jsonl").read_text()


def test_corrected_lines_add_only_themselves(imports: Import, tmp_path: Path) -> None:
    """What was stored before stays as it is."""
    imports(Format.CSV, write(tmp_path / "a.csv", ["good", "good"]))
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text() + "2026-03-01T10:00:09Z,good,6\n")
    tally = imports(Format.CSV, tmp_path / "a.csv")
    assert (tally.new, tally.known) == (1, 2)


def test_repetitions_are_counted_by_the_line() -> None:
    """From one, each line for itself."""
    repeats = Repeats()
    counted = [repeats.count(line) for line in ("a", "b", "a", "a")]
    assert [times for _, times in counted] == [1, 1, 2, 3]
    assert counted[0][0] == counted[2][0] != counted[1][0]


def test_what_was_rejected_behind_the_stored_place_comes_again(tmp_path: Path) -> None:
    """A kill between the file and the database, and one in the middle of a line, leave no entry twice."""
    path = tmp_path / "rejected.jsonl"
    before = Rejects(path)
    for number in (3, 5, 8):
        before.add(Line(number, number, Place(number, 0), {}), "a reason", {})
    before.close()
    path.write_text(path.read_text() + '{"line": 9, "rea')
    after = Rejects(path)
    after.keep_until(5)
    assert after.count == 2
    after.add(Line(8, 8, Place(8, 0), {}), "a reason", {})
    after.close()
    assert [json.loads(line)["line"] for line in path.read_text().splitlines()] == [3, 5, 8]
