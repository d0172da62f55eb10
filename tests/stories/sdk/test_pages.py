"""The pages about the clients, and the ten lines of docs/json-api.md: they run, and print what they say."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from tests.stories.sdk.conftest import rail_answering
from tests.stories.sdk.typescript import compile_alone, run
from tests.support.guides import USUAL, Guide
from tests.support.paths import ROOT
from tests.support.shop import Shop

from tallystick.domain.environments import SANDBOX
from tallystick.services.charges.charge_rules import usual_smallest_charge
from tallystick.store.charges import charge_rules

DOCS = ROOT / "docs"
pytestmark = pytest.mark.timeout(300)


def blocks(page: str, language: str) -> str:
    """The program of a page."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return "\n".join(found)


async def test_the_page_of_the_python_client(shop: Shop, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", secret)
    guide = Guide("../sdk-python.md")
    assert len(guide.told) >= 9
    async with rail_answering(shop):
        assert await asyncio.to_thread(guide.run, shop.url) == guide.told


async def test_the_ten_lines(shop: Shop, secret: str) -> None:
    program = blocks("json-api.md", "python")
    assert len([line for line in program.splitlines() if line]) <= 10
    usual = usual_smallest_charge(shop.service, SANDBOX)  # as a sandbox is opened
    async with shop.service.pool.acquire() as connection, connection.transaction():
        await charge_rules.set_smallest_charge(connection, [shop.books.book_id], usual)
    typed = program.replace("tsk_test_…", secret).replace(USUAL, shop.url)
    printed: list[str] = []
    names: dict[str, Any] = {"__name__": "ten lines", "print": lambda word: printed.append(str(word))}

    def run() -> None:
        try:
            exec(compile(typed, "docs/json-api.md", "exec"), names)  # noqa: S102 - a page of our own
        finally:
            names["ts"].close()  # which ends with its program elsewhere

    async with rail_answering(shop):
        await asyncio.to_thread(run)
    link, left = printed
    assert link.startswith(shop.url)
    assert f"# {left}" in program.splitlines()[-1]
    assert left == "9.9975"


async def test_the_page_of_the_typescript_client(
    node: str, compiled: Path, shop: Shop, secret: str, tmp_path: Path
) -> None:
    program = blocks("sdk-typescript.md", "ts")
    expected = re.findall(r"^\s*console\.log\(.*\); // (.+)$", program, re.MULTILINE)
    assert len(expected) >= 4
    forged = "server.listen(0, async () => { const { port } = server.address() as { port: number };"
    forged += ' console.log((await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: "{}" })).status);'
    forged += " server.close(); });"
    assert "server.listen(4000);" in program
    typed = program.replace("server.listen(4000);", forged).replace(USUAL, shop.url)
    script = await compile_alone(node, compiled, typed, tmp_path)
    async with rail_answering(shop):
        _, told = await run(node, str(script), API_KEY=secret)
    assert told.splitlines() == [*expected, "400"]
