from __future__ import annotations

from pathlib import Path

from usage_plugin.up.notices import NoticeReader


def test_only_our_warnings_are_shown_and_each_once(tmp_path: Path) -> None:
    """LiteLLM's own lines, our information and half a line stay in the log."""
    log = tmp_path / "proxy.log"
    reader = NoticeReader(log)
    assert reader.new_notices() == []
    log.write_bytes(
        b"LiteLLM: ERROR something\nINFO usage_plugin event='started'\nERROR usage_plugin.hold event='lost'\n"
    )
    assert reader.new_notices() == ["ERROR usage_plugin.hold event='lost'"]
    assert reader.new_notices() == []
    with log.open("ab") as file:
        file.write(b"WARNING usage_plugin caf\xc3")
    assert reader.new_notices() == []
    with log.open("ab") as file:
        file.write(b"\xa9\n")
    assert reader.new_notices() == ["WARNING usage_plugin caf\u00e9"]
