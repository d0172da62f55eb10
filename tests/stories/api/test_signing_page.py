"""docs/signing.md, tried: its example against our signing, its programs against it and against the service."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.support.paths import ROOT
from tests.support.shop import Answer, Shop

from tallystick.domain.messages import signing

PAGE = (ROOT / "docs" / "signing.md").read_text("utf-8")
KEY, SECRET, SERVICE = "AKIDEXAMPLE0MADEUP00", "MadeUp+Secret/Key=0123456789abcdefABCDEF", "http://127.0.0.1:8400"
ASKED = {
    "Action": "GetTokens",
    "CallerReference": "Käse & Brot (1+1=2)*~",
    "Timestamp": "2027-03-01T12:00:00Z",
}
PROGRAMS = {"python": ("python3", "sign.py"), "javascript": ("node", "sign.js"), "bash": ("bash", "sign.sh")}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)\n```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def signed_by(language: str, directory: Path, parameters: dict[str, str], **environment: str) -> str:
    """What the page's program in this language prints."""
    program, name = PROGRAMS[language]
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI") and program != "node":
            pytest.fail(f"{program} is not there")
        pytest.skip(f"{program} is not there to run this program of the page")
    if language == "bash" and shutil.which("openssl") is None:
        pytest.skip("openssl is not there to run this program of the page")
    (source,) = blocks(language)
    (directory / name).write_text(source, "utf-8")
    ended = subprocess.run(  # noqa: S603 - a program of our own page
        [found, name, *(f"{name}={value}" for name, value in parameters.items())],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.removesuffix("\n")


def test_the_example_is_what_we_sign() -> None:
    text, signature = blocks("text")
    params = {
        "AWSAccessKeyId": KEY,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Version": "2010-08-28",
    } | ASKED

    assert signing.string_to_sign_v2("GET", "127.0.0.1:8400", "/", params, "Signature") == text
    assert signing.hmac_signature(text, SECRET, "HmacSHA256") == signature
    for said in (KEY, SECRET, SERVICE, *(f"`{name}={value}`" for name, value in ASKED.items())):
        assert said in PAGE


@pytest.mark.parametrize("language", PROGRAMS)
def test_each_program_comes_to_the_example(language: str, tmp_path: Path) -> None:
    text, signature = blocks("text")

    url = signed_by(language, tmp_path, ASKED, SERVICE=SERVICE, KEY=KEY, SECRET=SECRET)

    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{SERVICE}/"
    query, _, sent = parts.query.rpartition("&Signature=")
    assert query == text.splitlines()[-1]
    assert sent == signing.percent_encoded(signature)


@pytest.mark.parametrize("language", PROGRAMS)
async def test_what_each_program_signs_is_let_in(shop: Shop, language: str, tmp_path: Path) -> None:
    now = shop.clock().strftime("%Y-%m-%dT%H:%M:%SZ")  # the service's clock is the test's
    asked = {"Action": "GetTokens", "CallerReference": "a=b 100% 'ü'!\t\"*", "Timestamp": now}
    key = {"KEY": shop.key.access_key_id, "SECRET": shop.key.secret}

    url = signed_by(language, tmp_path, asked, SERVICE=shop.url, **key)
    response = await shop.client.get(url)

    assert Answer(response.status_code, response.text).code is None, response.text
    assert dict(parse_qsl(urlsplit(url).query))["CallerReference"] == asked["CallerReference"]


@pytest.mark.parametrize("language", PROGRAMS)
def test_without_a_timestamp_the_present_one_is_signed(language: str, tmp_path: Path) -> None:
    url = signed_by(language, tmp_path, {"Action": "GetTokens"}, SERVICE=SERVICE, KEY=KEY, SECRET=SECRET)
    params = dict(parse_qsl(urlsplit(url).query))
    text = signing.string_to_sign_v2("GET", "127.0.0.1:8400", "/", params, "Signature")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", params["Timestamp"])
    assert params["Signature"] == signing.hmac_signature(text, SECRET, "HmacSHA256")
