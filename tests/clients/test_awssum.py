"""A real client that nobody here wrote: awssum-amazon-fps on Node, unmodified, against the running program.

It POSTs with all parameters in the query string and an empty body. Its hosts are those of the original service, so the
requests name a host that is not ours: the host is only what the caller signed, and the service takes any.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
from asyncio.subprocess import PIPE
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pytest
from tests.clients.conftest import Market

pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent
PINNED: dict[str, str] = json.loads((HERE / "awssum.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node found")
    return found


@pytest.fixture(scope="session")
def awssum() -> Path:
    """The published packages, unpacked once into a cache of this machine."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm found")
    place = platformdirs.user_cache_path("tallystick-tests", appauthor=False) / "awssum-amazon-fps-1.3.0"
    if not place.exists():
        draft = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
        draft.mkdir(parents=True)
        quiet = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--fetch-retries", "1"]
        # peers are named here, with their versions; one of them is not even named by the package that needs it
        command = [npm, "install", "--prefix", str(draft), "--legacy-peer-deps", *quiet, *PINNED]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603 - ours
        except subprocess.TimeoutExpired:
            shutil.rmtree(draft, ignore_errors=True)
            pytest.skip("awssum-amazon-fps 1.3.0 could not be had: npm did not come to an end")
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            pytest.skip(f"awssum-amazon-fps 1.3.0 could not be had: {done.stderr.strip() or done.stdout.strip()}")
        # npm has checked each package against the hash that it recorded, which must be the pinned one
        assert installed(draft) == PINNED
        try:
            draft.rename(place)
        except OSError:  # another run was faster
            shutil.rmtree(draft)
    assert installed(place) == PINNED
    return place


def installed(place: Path) -> dict[str, str]:
    """What npm put there: name, version and hash of each package."""
    record = json.loads((place / "node_modules" / ".package-lock.json").read_text("utf-8"))
    return {
        f"{path.removeprefix('node_modules/')}@{package['version']}": package["integrity"]
        for path, package in record["packages"].items()
    }


async def told_by_awssum(node: str, awssum: Path, market: Market) -> list[list[str]]:
    bare = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env = bare | {
        "NODE_PATH": str(awssum / "node_modules"),
        "FPS_KEY": market.key_id,
        "FPS_SECRET": market.secret,
        "FPS_TOKENS": json.dumps(market.tokens),
    }
    command = (node, "--no-deprecation", str(HERE / "awssum_story.js"), str(urlsplit(market.url).port))
    story = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=env)
    out, complaint = await story.communicate()
    assert story.returncode == 0, (out + complaint).decode()
    return [json.loads(line) for line in out.splitlines()]


async def test_awssum_calls_every_operation_that_works(node: str, awssum: Path, market: Market) -> None:
    told = await told_by_awssum(node, awssum, market)

    assert told == [
        ["funding", "Success"],
        ["paid once", "Success", "true"],
        ["too much", "InsufficientBalance 400"],
        ["refund", "Success"],
        ["liability", "7.000000"],
        ["transaction", "Pay", "4.000000", "Prepaid"],
        ["settlement", "Success"],
        ["debt", "10.000000", "0.000000"],
        ["written off", "0.000000"],
        ["reservation", "Reserved", "Success"],
        ["cancelled", "Cancelled"],
        ["cash", "45.550000"],
        ["activity", "1", "1.000000"],
        ["tokens on the own account", "none"],
        ["usage", "0", "true"],
        ["recipient", "VerificationComplete"],
        ["forged", "Failure"],
        ["cancelled token", "TokenNotActive_Sender 400"],
        ["GetPrepaidDebtBalance", "InvalidAction 400"],
        ["GetTokensByCaller", "InvalidAction 400"],
        ["parameter of another case", "InvalidRequest 400"],
        ["never answered", "GetPrepaidDebtBalance GetTokensByCaller", "22"],
    ]
