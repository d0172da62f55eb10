"""A real client that nobody here wrote: boto 2.49 under Python 2.7, unmodified, against the running program.

boto signs Co-Branded links for the host of the original service and offers no way to change it. So the buyer's browser
connects to our address with that host in its request, as a line in a hosts file would make it: the host is only what
the caller signed, and the service takes any.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
import pytest
from tests.clients.conftest import Market
from tests.stories.operations.program import tallystick

pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent
PINNED = HERE / "boto.txt"
RETURN_URL = "http://shop.example:8080/back?order=7&note=a%20b"
BUYER = "old.friend@buyers.example"
PASSWORD = "correct horse battery"


def interpreters() -> Iterator[str]:
    """Places of a Python 2.7: on the path, or kept beside others by a version manager."""
    if found := shutil.which("python2.7"):
        yield found
    for root in (os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv", os.environ.get("ASDF_DATA_DIR")):
        if root:
            for pattern in ("versions/2.7*/bin/python2.7", "installs/python/2.7*/bin/python2.7"):
                yield from map(str, sorted(Path(root).glob(pattern), reverse=True))


def works(interpreter: str) -> bool:
    """Whether it runs: a version manager may leave a shim without an interpreter behind it."""
    asked = [interpreter, "-c", "import ssl, sys; sys.exit(sys.version_info[:2] != (2, 7))"]
    return subprocess.run(asked, check=False, capture_output=True, timeout=60).returncode == 0  # noqa: S603 - as found


@pytest.fixture(scope="session")
def python2() -> str:
    found = next(filter(works, interpreters()), None)
    if found is None:
        pytest.skip("no Python 2.7 found, neither on the path nor with pyenv or asdf")
    return found


@pytest.fixture(scope="session")
def boto() -> Path:
    """The published package, unpacked once into a cache of this machine."""
    place = platformdirs.user_cache_path("tallystick-tests", appauthor=False) / "boto-2.49.0"
    if not place.exists():
        draft = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # the pin is by hash: nothing but the published package can take its place
        command = [
            *pip,
            "--retries",
            "1",
            "--require-hashes",
            "--no-compile",
            "--target",
            str(draft),
            "-r",
            str(PINNED),
        ]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603 - ours
        except subprocess.TimeoutExpired:
            pytest.skip("boto 2.49.0 could not be had: pip did not come to an end")
        if done.returncode:
            shutil.rmtree(draft, ignore_errors=True)
            pytest.skip(f"boto 2.49.0 could not be had: {done.stderr.strip() or done.stdout.strip()}")
        try:
            draft.rename(place)
        except OSError:  # another run was faster
            shutil.rmtree(draft)
    return place


async def authorize(url: str, method: str, service: str) -> str:
    walked = await tallystick(
        "sandbox", "authorize", url, "--buyer", BUYER, "--method", method, "--password-stdin", "--connect-to", service,
        settings={}, typed=f"{PASSWORD}\n",
    )  # fmt: skip
    assert walked.status == 0, walked.complaint
    return walked.out


async def told_by_boto(python2: str, boto: Path, market: Market) -> list[list[str]]:
    """Run the story; whenever it asks for a buyer, be the buyer."""
    address = urlsplit(market.url)
    bare = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env = bare | {
        "PYTHONPATH": str(boto),
        "PYTHONDONTWRITEBYTECODE": "1",
        "BOTO_CONFIG": os.devnull,
        "FPS_KEY": market.key_id,
        "FPS_SECRET": market.secret,
        "FPS_TOKENS": json.dumps(market.tokens),
    }
    story = await asyncio.create_subprocess_exec(
        python2, str(HERE / "boto_story.py"), str(address.hostname), str(address.port), RETURN_URL,
        stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env,
    )  # fmt: skip
    assert story.stdin is not None
    assert story.stdout is not None
    assert story.stderr is not None
    told = []
    methods = iter(["CC", "ACH"])
    while line := await story.stdout.readline():
        found = json.loads(line)
        if isinstance(found, list):
            told.append(found)
            continue
        assert urlsplit(found["authorize"]).hostname == "authorize.payments.amazon.com"
        story.stdin.write((await authorize(found["authorize"], next(methods), market.url)).encode())
        await story.stdin.drain()
    complaint = (await story.stderr.read()).decode()
    assert await story.wait() == 0, complaint
    return told


async def test_boto_calls_every_action_it_has(python2: str, boto: Path, market: Market) -> None:
    told = await told_by_boto(python2, boto, market)

    assert told == [
        ["signature", "Success"],
        ["forged", "Failure"],
        ["status", "SC"],
        ["empty", "0.000000", "USD"],
        ["pay from nothing", "InsufficientBalance 400"],
        ["funding", "Success"],
        ["funded", "10.000000", "0.000000", "9.700000"],
        ["pay", "Success"],
        ["paid once", "True", "6.000000"],
        ["other request, same reference", "DuplicateRequest 400"],
        ["refund", "Success", "7.000000"],
        ["past the limit", "PrepaidFundingLimitExceeded 400"],
        ["liability", "7.000000", "0.000000"],
        ["transaction", "Pay", "4.000000", "Prepaid"],
        ["token by reference", "True", 'Songs & "more"'],
        ["cancelled", "TokenNotActive_Sender 400"],
        ["signature", "Success"],
        ["forged", "Failure"],
        ["status", "SB"],
        ["tab", "Success"],
        ["tab", "Success"],
        ["owed", "100.000000"],
        ["at the limit", "InsufficientBalance 400"],
        ["too much", "SettleAmountGreaterThanDebt 400"],
        ["settlement", "Success"],
        ["settled", "10.000000", "0.000000", "87.500000"],
        ["debt of the instrument", "0.000000", "USD"],
        ["write-off", "Success", "0.000000"],
        ["nothing left", "SettleAmountGreaterThanDebt 400"],
        ["paid by card", "Success"],
        ["given back to the card", "Success"],
        ["reserved", "Reserved"],
        ["reservation settled", "Success"],
        ["settled twice", "InvalidTransactionState 400"],
        ["reservation cancelled", "Cancelled", "Cancelled"],
        ["usage", "1", "0"],
        ["subscription", "Active", "1", "Shop"],
        ["its payment", "1", "5.000000", "Success"],
        ["ended", "Success"],
        ["recipient", "VerificationComplete"],
        ["instruction", "True"],
        ["installed", "True"],
        ["unknown transaction", "InvalidParams 400"],
        ["parameter of another case", "InvalidRequest 400"],
        ["activity", "FundPrepaid Pay Pay Pay Pay Pay Refund Refund Refund Reserve Reserve SettleDebt WriteOffDebt"],
        ["calls made", "27 of 27"],
    ]
