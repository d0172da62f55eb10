from __future__ import annotations

import pytest
from lxml import etree
from tests.stories.conftest import Running

from tallystick.web.api.schema.wsdl import description
from tallystick.web.api.schema.xsd import SCHEMA_VERSIONS, schema


@pytest.mark.parametrize("version", SCHEMA_VERSIONS)
async def test_schema_and_wsdl_are_served(running: Running, version: str) -> None:
    xsd = await running.client.get(f"{running.url}/doc/{version}/AmazonFPS.xsd")
    wsdl = await running.client.get(f"{running.url}/doc/{version}/AmazonFPS.wsdl")

    assert (xsd.status_code, wsdl.status_code) == (200, 200)
    assert xsd.headers["content-type"] == wsdl.headers["content-type"] == "text/xml; charset=utf-8"
    assert xsd.text == schema(version)
    assert wsdl.text == description(version, f"{running.url}/")
    assert etree.fromstring(wsdl.content).find(f".//{{*}}address[@location='{running.url}/']") is not None


@pytest.mark.parametrize("path", ["/doc/2007-01-08/AmazonFPS.xsd", "/doc/x/AmazonFPS.wsdl", "/doc/2010-08-28/"])
async def test_there_are_no_others(running: Running, path: str) -> None:
    assert (await running.client.get(f"{running.url}{path}")).status_code == 404
