"""The guide's program runs as it stands, but for the address, the files and the time of day."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from tests.stories.soap.soap_client import program_of
from tests.support.paths import ROOT
from tests.support.shop import Shop

GUIDE = ROOT / "docs" / "soap.md"


async def test_the_program_in_the_guide_works(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.books.funded_buyer("10.00")
    await program_of(shop, tmp_path)
    (text,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for theirs, ours in (("http://127.0.0.1:8400", shop.url), ("datetime.now(UTC)", "NOW")):
        assert theirs in text
        text = text.replace(theirs, ours)

    names: dict[str, Any] = {"NOW": shop.clock()}
    await asyncio.to_thread(exec, text, names)

    assert capsys.readouterr().out == "9.700000\n"
    names["client"].transport.session.close()
