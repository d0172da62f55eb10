"""A service without the extra `soap`: its requests get a fault that says so, and all else works."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from lxml import etree
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import running, tallystick
from tests.stories.soap.soap_client import SOAP
from tests.support.certificates import key_pair
from tests.support.master_key import MASTER_KEY_TEXT

ENVELOPE = f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>'


@pytest.fixture(scope="module")
async def settings(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Those of a program that finds none of the libraries: what it finds first is as if there were none."""
    tmp_path = tmp_path_factory.mktemp("without-soap")
    for name in ("lxml", "signxml"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}', name='{name}')\n")
    return {
        "TALLYSTICK_DATABASE_URL": await make_database(),
        "TALLYSTICK_DATA_DIRECTORY": str(tmp_path / "data"),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    }


@pytest.fixture(scope="module")
async def service(settings: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """One process for all tests of this file: none of them leaves anything to the others."""
    port = free_port()
    async with (
        running("serve", "--port", str(port), settings=settings, until="worker"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


@pytest.mark.parametrize("content", [ENVELOPE, "", "<not XML", "x" * 2_000_000])
async def test_whatever_is_in_a_soap_request_its_answer_is_a_fault_that_says_so(
    service: httpx.AsyncClient, content: str
) -> None:
    for _ in range(2):
        answer = await service.post("/", content=content, headers={"content-type": "text/xml; charset=utf-8"})
        assert (answer.status_code, answer.headers["content-type"]) == (500, "text/xml; charset=utf-8")
        fault = etree.fromstring(answer.content).find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
        assert fault is not None
        assert fault.findtext("faultcode") == "soapenv:Server.ServiceUnavailable"
        assert "installed without SOAP" in str(fault.findtext("faultstring"))


async def test_all_else_works(service: httpx.AsyncClient, settings: dict[str, str], tmp_path: Path) -> None:
    assert (await service.get("/readyz")).status_code == 200
    assert (await service.get("/account/sign-in")).status_code == 200
    query = await service.get("/?Action=GetAccountBalance")
    assert (query.status_code, "MissingClientTokenId" in query.text) == (403, True)
    assert (await service.get("/doc/2010-08-28/AmazonFPS.xsd")).status_code == 200

    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(key_pair(datetime.now(UTC) - timedelta(days=1)).certificate_pem)
    account = ("--kind", "business", "--email", "shop@music.example", "--name", "Shop")
    made = await tallystick("account", "create", *account, settings=settings)
    assert made.status == 0, made.complaint
    registered = await tallystick(
        "keys", "register-certificate", "--account", "shop@music.example", "--file", str(certificate), settings=settings
    )
    assert registered.status == 0, registered.complaint
    assert (await tallystick("verify", settings=settings)).status == 0

    assert (await service.post("/", content=ENVELOPE, headers={"soapaction": ""})).status_code == 500
    metrics = (await service.get("/metrics")).text
    assert any('"ServiceUnavailable"' in line for line in metrics.splitlines() if "tallystick_requests" in line), (
        metrics
    )
