"""What a process that serves does not load before somebody needs it."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.support.master_key import MASTER_KEY_TEXT, VAULT
from tests.support.pools import shared_pool
from tests.support.shop import canonical, signature

from tallystick.store.accounts import parties
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import AccessKey

LOADED = """
import json, sys
import tallystick.cli.commands.serve, tallystick.web.app, tallystick.worker
from tallystick.web.common.languages import Pages
Pages([])
print(json.dumps(list(sys.modules)))
"""
LEFT_OUT = {"fpdf", "litestar.plugins.pydantic", "lxml", "nh3", "segno", "stripe", "webauthn", "zxcvbn"}

SERVED = """
import http.client, json, os, signal, sys, threading, time
from tallystick.cli import main

PORT, CALLS = int(sys.argv[1]), json.loads(sys.argv[2])

def ask(method, path, body=None, headers={}):
    client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    client.request(method, path, body, headers)
    answer = client.getresponse()
    return answer.status, answer.read().decode()

def call():
    told = []
    try:
        while True:
            try:
                ask("GET", "/healthz")
                break
            except ConnectionError:
                time.sleep(0.05)
        told.append([ask(*call) for call in CALLS])
        told.append(list(sys.modules))
        told.append(ask("GET", "/account/sign-in")[0])
        told.append(list(sys.modules))
    finally:
        print(json.dumps(told), file=sys.stderr)
        os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=call).start()
sys.argv = ["tallystick", "serve", "--port", str(PORT)]
main()
"""
FOR_PAGES = {"jinja2", "litestar", "tallystick.web.app", "tallystick.web.console", "tallystick.web.account"}
FOR_NOTHING = LEFT_OUT | {"pydantic", "pydantic_core"}


def test_libraries_that_few_requests_need_are_not_loaded_at_the_start() -> None:
    run = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True
    )
    loaded = set(json.loads(run.stdout))
    assert "tallystick.services.identity.passkeys" in loaded
    assert not loaded & LEFT_OUT


@pytest.mark.timeout(300)
async def test_a_process_that_was_only_called_has_no_pages(make_migrated: MakeDatabase, tmp_path: Path) -> None:
    """Served as `tallystick serve` does it, with a worker; probes belong to what is called."""
    url, port, now = await make_migrated(), free_port(), datetime.now(UTC)
    async with shared_pool(url) as pool:
        async with pool.acquire() as connection:
            party = await parties.create_business(connection, "shop@shop.example", "Music Shop", now)
        key = await access_keys.create(pool, VAULT, party.party_id, "sandbox", now)
        secret = await access_keys.make_bearer(pool, key.access_key_id, now)
    query = canonical(_signed({"Action": "GetAccountBalance"}, key, f"127.0.0.1:{port}", now))
    bearer = {"authorization": f"Bearer {secret}", "content-type": "application/json", "idempotency-key": "one"}
    calls = [
        ("GET", f"/?{query}"),
        ("POST", "/v1/charges", json.dumps({"authorization": "none", "amount": "1.00"}), bearer),
        ("GET", "/v1/authorizations", None, bearer),
        ("GET", "/v1/openapi.json"),
        ("GET", "/readyz"),
        ("HEAD", "/healthz"),
        ("GET", "/metrics"),
    ]
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SERVED, str(port), json.dumps(calls)],
        env={
            "TALLYSTICK_CONFIG": "none",
            "TALLYSTICK_DATABASE_URL": url,
            "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
            "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
            "TALLYSTICK_LOG_LEVEL": "error",
            "PYTHONPATH": ":".join(sys.path),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    answers, called, page, shown = json.loads(run.stderr.splitlines()[-1])

    assert [status for status, _ in answers] == [200, 400, 200, 200, 200, 200, 200], answers[:2]
    assert "tallystick_requests_total" in answers[-1][1]
    assert "tallystick.web.api.query_api" in called
    assert not {*called} & (FOR_PAGES | FOR_NOTHING)
    assert page == 200
    assert {*shown} >= FOR_PAGES
    assert not {*shown} & FOR_NOTHING


def _signed(params: dict[str, str], key: AccessKey, host: str, now: datetime) -> dict[str, str]:
    whole = {
        "AWSAccessKeyId": key.access_key_id,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Version": "2010-08-28",
        **params,
    }
    return {**whole, "Signature": signature("GET", host, "/", whole, key.secret)}
