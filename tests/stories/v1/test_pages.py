"""docs/json-api.md and docs/json-reference.md: what they say is so, and their commands do what they say."""

from __future__ import annotations

import re
import shlex

import pytest
from tests.stories.v1.conftest import Program, as_problem
from tests.support.paths import ROOT

from tallystick.web.v1.documents.reference import reference
from tallystick.web.v1.endpoint import VERSION
from tallystick.web.v1.problems import CODES, OWN
from tallystick.web.v1.table import ENDPOINTS

GUIDE = (ROOT / "docs" / "json-api.md").read_text("utf-8")
COMMANDS = [found.replace("\\\n", " ") for found in re.findall(r"^    (curl (?:.*\\\n)*.*)$", GUIDE, re.MULTILINE)]


def test_the_reference_is_what_the_tables_say() -> None:
    written = (ROOT / "docs" / "json-reference.md").read_text("utf-8")
    assert written == reference(), "python -m tallystick.web.v1.documents.reference > docs/json-reference.md"


def test_the_guide_names_every_path_and_only_those() -> None:
    known = {endpoint.path for endpoint in ENDPOINTS} | {"/v1/openapi.json"}
    told = set(re.findall(r"(?<=`)/v1/[\w/{}.]+(?=`)", GUIDE))
    assert told == known


def test_the_guide_names_codes_and_a_version_that_there_are() -> None:
    codes = {code for _, code in CODES.values()} | set(OWN)
    told = set(re.findall(r'docs/errors#(\w+)|40\d `(\w+)`|"code": "(\w+)"', GUIDE))
    assert {word for words in told for word in words if word} <= codes
    assert f"Tallystick-Version: {VERSION}" in GUIDE


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[1].rpartition("/")[2])
async def test_the_commands_of_the_guide_are_answered(program: Program, command: str) -> None:
    named = (await program.shop.books.funded_buyer("10.00")).instrument
    if "/sandbox/authorize" in command:
        asked = {"kind": "prepaid", "limit": "25.00", "return_url": "https://shop.example/back"}
        named = (await program.post("/v1/authorizations", asked))["id"]
    words = shlex.split(command.replace("P…", named).replace("$API_KEY", program.secret))
    assert words[0] == "curl"
    path = words[1].removeprefix("http://127.0.0.1:8400")
    headers = dict(words[number + 1].split(": ", 1) for number, word in enumerate(words) if word == "-H")
    content = next((words[number + 1].encode() for number, word in enumerate(words) if word == "-d"), None)
    lower = {name.lower(): value for name, value in headers.items()}
    answer = await program.send("GET" if content is None else "POST", path, headers=lower, content=content)
    assert answer.status_code == (200 if content is None or "/sandbox/" in path else 201), answer.text
    if content is None:
        assert [one["authorization"] for one in answer.json()["data"]] == [named]


def test_there_are_such_commands() -> None:
    assert len(COMMANDS) == 4


async def test_each_problem_has_a_part_of_the_page_that_its_type_names(program: Program) -> None:
    problem = as_problem(await program.send("GET", "/v1/weather"))
    assert problem["type"] == f"{program.shop.service.settings.public_url}/docs/errors#not_found"
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for code in {*OWN, *(code for _, code in CODES.values())}:
        assert f"\n### {code}\n" in page
