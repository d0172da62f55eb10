"""The documentation at /docs: every page and every link of it, how it is sent, and what a mistake in it comes to."""

from __future__ import annotations

import gzip
import re
import shutil
import tomllib
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any, cast
from urllib.parse import urldefrag, urljoin

import httpx
import pytest
from litestar import Litestar
from tests.support.docs_site import built
from tests.support.paths import ROOT
from tools import docs_site

from tallystick.settings import Settings
from tallystick.web.common.headers import Headers
from tallystick.web.docs import pages, site
from tallystick.web.v1.problems import CODES, OWN

HERE = "http://docs.test"


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    built()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar([pages.show_docs], before_send=[Headers(Settings())], openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=HERE) as found:
        yield found


def texts() -> dict[str, str]:
    """The text of every page, by its name."""
    return {name: site.content(file).decode() for name, file in site.manifest().files.items() if name.endswith(".html")}


async def test_every_file_is_sent_as_what_it_is(client: httpx.AsyncClient) -> None:
    files = site.manifest().files
    assert len(files) > 150
    for name, file in files.items():
        answer = await client.get(f"/docs/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].partition(";")[0] == file.type
        assert answer.content == site.content(file)


def test_every_page_of_the_repository_is_in_it() -> None:
    names = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in (ROOT / "docs").rglob("*.md")}
    others = {Path(name).with_suffix(".html").name for name in docs_site.ELSEWHERE.values()}
    assert {name.replace("README.html", "index.html") for name in names} | others <= set(texts())


def test_every_link_leads_to_a_page_and_a_place_in_it() -> None:
    """The generator looks at links between pages; here are those of navigation, pictures and scripts, too."""
    there = texts()
    places = {name: set(re.findall(r'\bid="?([^"\s>]+)', text)) for name, text in there.items()}
    wrong, seen = set(), 0
    for name, text in there.items():
        for link in set(re.findall(r'(?:href|src)="?([^"\s>]+)', text)):
            address, place = urldefrag(urljoin(f"{HERE}/docs/{name}", unescape(link)))
            if not address.startswith(f"{HERE}/docs/"):
                continue
            seen += 1
            file = address.removeprefix(f"{HERE}/docs/")
            meant = next((each for each in (file or "index.html", f"{file}index.html") if each in there), file)
            if site.find(file) is None or (place and meant in places and place not in places[meant]):
                wrong.add((name, link))
    assert seen > 3000
    assert wrong == set()


def test_nothing_is_fetched_from_elsewhere_and_nothing_stands_in_a_page() -> None:
    for name, text in texts().items():
        brought = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"?([^\"\s>]+)", text)
        assert [link for link in brought if "//" in link] == [], name
        assert not re.search(
            r"<script(?![^>]* (?:src=|type=\"?application/json))|<style|<[a-z][^>]* (?:style|onclick)=", text
        )


def test_every_problem_has_its_place_on_the_page_of_errors() -> None:
    page = site.find("errors")
    assert page is not None
    places = set(re.findall(r'\bid="?([^"\s>]+)', site.content(page).decode()))
    assert {code for _, code in CODES.values()} | set(OWN) <= places


def test_names_in_tables_break_at_their_parts_and_names_elsewhere_stay_whole() -> None:
    page = texts()["events.html"]
    assert "<td><code>authorization.<wbr>activated</code></td>" in page
    assert "<code>charge.succeeded</code>" in page
    assert "<code>TALLYSTICK_<wbr>DATABASE_<wbr>URL</code>" in texts()["settings.html"]
    assert all(
        "<wbr>" not in code for text in texts().values() for code in re.findall(r"<pre.*?</pre>", text, re.DOTALL)
    )


async def test_a_page_is_kept_until_it_changes(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/errors")
    assert "InsufficientBalance" in page.text
    assert page.headers["cache-control"] == "public, no-cache"
    again = await client.get("/docs/errors", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == page.headers["etag"]
    other = await client.get("/docs/errors", headers={"if-none-match": 'W/"0123456789"'})
    assert other.status_code == 200
    style = next(name for name in site.manifest().files if "/main." in name)
    assert "immutable" in (await client.get(f"/docs/{style}")).headers["cache-control"]


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip, br", True), ("*", True), ("br", False), ("gzip;q=0", False), ("gzip;q=0.5", True), ("identity", False)],
)
async def test_it_is_packed_for_whoever_can_unpack(client: httpx.AsyncClient, accepted: str, packed: bool) -> None:
    async with client.stream("GET", "/docs/errors", headers={"accept-encoding": accepted}) as answer:
        content = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "Accept-Encoding"
    assert b"InsufficientBalance" in (gzip.decompress(content) if packed else content)


async def test_a_page_has_one_address(client: httpx.AsyncClient) -> None:
    """Links in a page lead from its folder: with one slash more or less they would lead elsewhere."""
    for asked, there in (
        ("/docs", "/docs/"),
        ("/docs/errors/", "/docs/errors"),
        ("/docs/decisions", "/docs/decisions/"),
        ("/docs/concepts/fees/", "/docs/concepts/fees"),
    ):
        answer = await client.get(asked)
        assert (answer.status_code, answer.headers["location"]) == (308, there)
        assert (await client.get(there)).status_code == 200


@pytest.mark.parametrize(
    "name", ["nothing", "manifest.json", "errors.html.gz", "..%2Fpages.py", "%2e%2e/site.py", "concepts", "404"]
)
async def test_what_is_no_part_of_it_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404


async def test_it_says_what_a_browser_may_do(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs/")).headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert re.search(r"style-src 'self' 'sha256-[\w+/=]{44}';", policy)
    assert "http" not in policy


def test_nothing_is_shown_where_nothing_was_built(tmp_path: Path) -> None:
    assert site.find("errors", tmp_path) is None


def test_nothing_is_built_twice() -> None:
    assert docs_site.ensure(ROOT) is False


def small(tmp_path: Path, **more: str) -> Path:
    """A repository with a few pages."""
    pages_there = {name: f"# {name}\n" for name in docs_site.ELSEWHERE}
    text = re.sub(
        r"^nav = \[.*?^\]$", "", (ROOT / docs_site.CONFIGURATION).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for name, content in {
        **pages_there,
        "docs/index.md": "# Here\n",
        str(docs_site.CONFIGURATION): text,
        **more,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    shutil.copyfile(ROOT / "docs" / "site" / "style.css", tmp_path / "docs" / "site" / "style.css")
    (tmp_path / "docs" / "decisions").mkdir(exist_ok=True)
    return tmp_path


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    root = small(tmp_path, **{"docs/page.md": "# Page\n\n[there](index.md#not-there)\n"})
    with pytest.raises(docs_site.SiteError, match="anchor does not exist"):
        docs_site.build(root, tmp_path / "built", "")
    assert not (tmp_path / "built").exists()


def test_what_is_not_in_the_site_is_no_link_in_it(tmp_path: Path) -> None:
    """That it is in the repository, another test says."""
    root = small(tmp_path, **{"docs/page.md": "# Page\n\n[there](../src/x.py)\n"})
    docs_site.build(root, tmp_path / "built", "of these texts")
    assert (
        "<p>there</p>"
        in site.content(site.manifest(tmp_path / "built").files["page.html"], tmp_path / "built").decode()
    )


@pytest.mark.parametrize(
    "wrong",
    [
        '<p style="color: red">here</p>',
        "<style>p { color: red }</style>",
        '<script type="module">x()</script>',
        '<script src="https://elsewhere.example/x.js"></script>',
        '<a class="b" onclick="x()">here</a>',
        "<img alt='' src=//elsewhere.example/x.png>",
    ],
)
def test_what_browsers_would_not_be_let_do_ends_the_build(tmp_path: Path, wrong: str) -> None:
    source, target = tmp_path / "site", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    page = source / "page.html"
    page.write_text("<p>here</p><script>x()</script>", "utf-8")
    docs_site.finish(source, target, "")
    made = site.manifest(target).files
    (script,) = (name for name in made if name.endswith(".js"))
    assert (
        site.content(made["page.html"], tmp_path / "target") == f'<p>here</p><script src="{script}"></script>'.encode()
    )
    assert site.content(made[script], target) == b"x()"

    page.write_text(wrong, "utf-8")
    with pytest.raises(docs_site.SiteError, match=r"page\.html"):
        docs_site.finish(source, target, "")


def test_a_page_that_the_navigation_does_not_name_is_under_more(tmp_path: Path) -> None:
    nav = 'nav = [\n    { "Start" = [{ "Here" = "index.md" }] },\n]\n'
    root = small(tmp_path, **{str(docs_site.CONFIGURATION): nav, "docs/new.md": '# A "new" page\n'})
    docs_site.stage(root, tmp_path / "work")
    made = tomllib.loads((tmp_path / "work" / "zensical.toml").read_text("utf-8"))["nav"]
    assert made[0] == {"Start": [{"Here": "index.md"}]}
    assert {'A "new" page': "new.md"} in made[1]["More"]


def test_links_out_of_the_documentation_lead_to_where_things_are(tmp_path: Path) -> None:
    root = small(
        tmp_path,
        **{
            "docs/deep/page.md": (
                "# Page\n\n[why](../decisions/001-x.md), [all](../decisions), [changes](../../CHANGELOG.md)"
                ", [code](../../src/a.py)\n\n```sh\n[code](../../src/a.py)\n```\n\n![a drawing](x.svg)\n"
            ),
            "docs/decisions/001-x.md": "# 001 A reason\n",
            "docs/deep/x.svg": '<svg xmlns="x"><style>.a { fill: red }</style><path class="a"/></svg>',
        },
    )
    docs_site.stage(root, tmp_path / "work")
    page = (tmp_path / "work" / "pages" / "deep" / "page.md").read_text("utf-8")
    assert "[why](../decisions/001-x.md), [all](../decisions/index.md), [changes](../changelog.md), code\n" in page
    assert "```sh\n[code](../../src/a.py)\n```" in page
    assert '<div class="drawing"><svg role="img" aria-label="a drawing" xmlns' in page
    assert "fill: red" not in page
    assert "[001 A reason](001-x.md)" in (tmp_path / "work" / "pages" / "decisions" / "index.md").read_text("utf-8")
