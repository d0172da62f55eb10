"""The TypeScript client under Node: its own tests, its types, and the way of `demo --walk` on a running service."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from tests.stories.sdk.conftest import rail_answering
from tests.support.paths import ROOT
from tests.support.shop import Shop
from tools.clients.files import TYPES, types

PROJECT = ROOT / "clients" / "typescript"

pytestmark = pytest.mark.timeout(300)

WALK = """\
Prepaid: a balance of at most 10.00, from a card
  ok  Authorization, prepaid: the buyer agreed, status active
  ok  Top-up of 10.00: seller's cash +9.70, balance 10.00
  ok  100 charges of 0.05: seller's cash +9.70, balance 5.00
  ok  Refund of one of them, 0.05: balance 5.05
  ok  Top-up of 5.00, past the limit: refused, balance_limit_exceeded
  ok  … and nothing changed: seller's cash +9.70, balance 5.05
Postpaid: a tab of at most 100.00, settled from a bank account
  ok  Authorization, postpaid: the buyer agreed, status active
  ok  Charge of 40.00: debt 40.00
  ok  Charge of 60.00: debt 100.00
  ok  Charge of 0.01 at the limit: refused, insufficient_balance
  ok  Settlement of 90.00: seller's cash +87.50, debt 10.00
  ok  Write-off of 10.00: seller's cash +87.50, debt 0.00
"""


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node found")
    if not (PROJECT / "node_modules" / "typescript").is_dir():
        pytest.skip("the packages of clients/typescript are not there: npm ci in it")
    return found


@pytest.fixture(scope="session")
def compiled(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, its tests and its examples as JavaScript: what the compiler does not take is told."""
    directory = tmp_path_factory.mktemp("typescript")
    compiler = PROJECT / "node_modules" / "typescript" / "bin" / "tsc"
    command = [node, str(compiler), "--project", str(PROJECT), "--outDir", str(directory / "dist")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - locked in package-lock.json
    assert done.returncode == 0, done.stdout
    (directory / "node_modules").symlink_to(PROJECT / "node_modules")
    (directory / "package.json").write_text((PROJECT / "package.json").read_text("utf-8"), "utf-8")
    return directory / "dist"


def bare_environment() -> dict[str, str]:
    """Without proxies: nothing here is outside."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def test_its_types_are_those_of_the_service(node: str) -> None:
    assert TYPES.read_text("utf-8") == types(node), "python -m tools.clients"


def test_its_own_tests_pass(node: str, compiled: Path) -> None:
    files = sorted(str(path) for path in (compiled / "test").glob("*.test.js"))
    assert len(files) == 2
    done = subprocess.run([node, "--test", *files], check=False, capture_output=True, text=True, env=bare_environment())  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# fail 0\n" in done.stdout


async def test_it_walks_the_whole_way(node: str, compiled: Path, shop: Shop, secret: str) -> None:
    env = bare_environment() | {"TALLYSTICK_URL": shop.url, "TALLYSTICK_SECRET": secret}
    async with rail_answering(shop):
        walk = await asyncio.create_subprocess_exec(
            node, str(compiled / "examples" / "walk.js"), stdout=PIPE, stderr=PIPE, env=env
        )
        out, complaint = await walk.communicate()
    assert out.decode() == WALK, complaint.decode()
    assert (walk.returncode, complaint) == (0, b"")
