"""Build the site that the service shows at /docs: .venv/bin/python -m tools.docs_site.

The pages are the repository's Markdown; Zensical makes HTML of them, by docs/site/zensical.toml. Before that, links
that lead out of the documentation are bent to where their pages are in the site, or become plain text; drawings stand
in their page, so that they follow its colours. Afterwards no page has a script or a style of its own left: each is a
file, as our policy for browsers demands (docs/decisions/176-the-site-is-built-when-it-is-installed.md).

What comes of it is in src/tallystick/web/docs/site: texts as gzip, pictures as they are, and `manifest.json`, which
names each of them. hatch_build.py builds it when the package is built or installed; nothing is built again that was
built of the same texts.
"""

from __future__ import annotations

import ast
import base64
import fcntl
import gzip
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from tools.docs_diagrams import drawn

SITE: Final = Path("src", "tallystick", "web", "docs", "site")
"""Where it is built, below the repository."""

MANIFEST: Final = "manifest.json"
CONFIGURATION: Final = Path("docs", "site", "zensical.toml")

ELSEWHERE: Final[Mapping[str, str]] = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
    "README.md": "index.md",
    "src/tallystick/store/ledger/README.md": "ledger.md",
}
"""Pages of the site that are not below docs, and their names in it. What links to the README means the first page."""

_MADE_FROM: Final = ("docs", "tools/docs_site.py", "tools/docs_diagrams.py", *ELSEWHERE)
_SUFFIXES: Final = {".md", ".svg", ".png", ".toml", ".css", ".js", ".py"}
_CONTENT_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_PICTURES: Final = {".png"}
"""What is small already."""

_LINK: Final = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
_DRAWING: Final = re.compile(r"^!\[(?P<text>[^\]]*)\]\((?P<target>[^()\s]+\.svg)\)$", re.MULTILINE)
_FENCE: Final = re.compile(r"^```.*?^```$|(?<=\n\n)(?: {4}[^\n]*\n)+", re.MULTILINE | re.DOTALL)
_SCRIPT: Final = re.compile(r"<script>(?P<code>.+?)</script>", re.DOTALL)
_NOT_ALLOWED: Final = re.compile(
    r"<script(?![^>]* (?:src=|type=\"?application/json))"
    r"|<style"
    r"|<[a-z][^>]* (?:style|on\w+)="
    r"|<(?:script|link|img|iframe)\b[^>]* (?:src|href)=\"?(?:https?:)?//"
)
"""What a page must not have: scripts and styles in it, and what is brought from elsewhere."""
_TABLE: Final = re.compile(r"<table>.*?</table>", re.DOTALL)
_CODE: Final = re.compile(r"<code>[^<]+</code>")
_BREAK: Final = re.compile(r"(?<=\w[._/])(?=\w)")
"""Where a line may end in the name of something: after a point, a line below or a slash."""

_STYLE_OF_SEARCH: Final = re.compile(r'\("style",\{\},(?P<name>\w+)\.toString\(\)\)')
"""Where the theme's script gives the window of the search its style. Its text stands in the script under this name."""


class SiteError(Exception):
    """The site cannot be built; `args[0]` says why."""


def digest(root: Path) -> str:
    """Of everything that the site is made from: the same digest, the same site."""
    found = sha256(version("zensical").encode())
    for path in sorted(_sources(root)):
        found.update(b"%s\0%s\0" % (path.relative_to(root).as_posix().encode(), sha256(path.read_bytes()).digest()))
    return found.hexdigest()


def ensure(root: Path) -> bool:
    """Build the site where it is not there, or made from other texts. Returns whether it was built.

    One process at a time does; who waited finds it there. Raises SiteError.
    """
    target = root / SITE
    with (root / CONFIGURATION).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        wanted = digest(root)
        if _made_from(target) == wanted:
            os.utime(target / MANIFEST)  # `./run` looks whether anything is newer
            return False
        build(root, target, wanted)
    return True


def _made_from(target: Path) -> str | None:
    """The digest of the texts that the site at `target` was made from; None where there is none, or half of one."""
    try:
        return str(json.loads((target / MANIFEST).read_text("utf-8"))["made_from"])
    except (OSError, ValueError, KeyError):
        return None


def build(root: Path, target: Path, made_from: str) -> None:
    """Build the site of the repository at `root`; once whole, it replaces what was at `target`. Raises SiteError."""
    with TemporaryDirectory() as work:
        stage(root, Path(work))
        done = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:  # a link that leads nowhere is a warning, and strict
            raise SiteError(re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr))
        new = Path(work, "new")
        new.mkdir()
        finish(Path(work, "site"), new, made_from)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(new, target, ignore=shutil.ignore_patterns(MANIFEST))
        shutil.copyfile(new / MANIFEST, target / MANIFEST)  # last: it says that all is there


def stage(root: Path, work: Path) -> None:
    """Put the pages as the generator reads them below `work`."""
    pages = work / "pages"
    staged = dict(_staged(root))
    for source, name in staged.items():
        page = pages / name
        page.parent.mkdir(parents=True, exist_ok=True)
        try:
            page.write_text(_bent((root / source).read_text("utf-8"), source, staged, root), "utf-8")
        except ValueError as error:
            raise SiteError(f"{source}: {error}") from error
    decisions = [(path.name, _title(path)) for path in sorted((root / "docs" / "decisions").glob("[0-9]*.md"))]
    listed = "".join(f"* [{title}]({name})\n" for name, title in decisions)
    (pages / "decisions").mkdir(exist_ok=True)
    (pages / "decisions" / "index.md").write_text(f"# Decisions\n\nWhy things are as they are.\n\n{listed}", "utf-8")
    shown = {
        posixpath.normpath(posixpath.join(posixpath.dirname(source), found["target"]))
        for source in staged
        for found in _LINK.finditer((root / source).read_text("utf-8"))
        if found["picture"] and found["target"].endswith(".png")
    }
    for picture in shown:
        copy = pages / PurePosixPath(picture).relative_to("docs")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / picture, copy)
    for extra in (root / "docs" / "site").iterdir():
        if extra.suffix != ".toml":
            shutil.copyfile(extra, pages / extra.name)
    configuration = (root / CONFIGURATION).read_text("utf-8")
    (work / CONFIGURATION.name).write_text(_with_all_pages(configuration, root, staged), "utf-8")


def _sources(root: Path) -> Iterator[Path]:
    for name in _MADE_FROM:
        place = root / name
        if place.is_dir():
            yield from (
                path for path in place.rglob("*") if path.suffix in _SUFFIXES and "screenshots" not in path.parts
            )
        elif place.is_file():
            yield place


def _staged(root: Path) -> Iterator[tuple[str, str]]:
    """Pages of the site: where each is in the repository, and its name in the site."""
    for path in sorted((root / "docs").rglob("*.md")):
        yield path.relative_to(root).as_posix(), path.relative_to(root / "docs").as_posix()
    yield from ((source, name) for source, name in ELSEWHERE.items() if source != "README.md")


def _with_all_pages(configuration: str, root: Path, staged: Mapping[str, str]) -> str:
    """The configuration, in whose navigation pages that it does not name stand under "More".

    Those of folders that one page lists (decisions, actions, pipelines, the protocol) are reached by that one.
    """
    listed = ("decisions/", "api/", "pipelines/", "protocol/")
    missing = [
        f"        {{ {json.dumps(_title(root / source), ensure_ascii=False)} = {json.dumps(name)} }},\n"
        for source, name in staged.items()
        if not name.startswith(listed) and f'"{name}"' not in configuration
    ]
    more = f'    {{ "More" = [\n{"".join(missing)}    ] }},\n' if missing else ""
    return re.sub(r"(?ms)^nav = \[\n.*?(?=^\]$)", lambda found: found[0] + more, configuration)


def _title(page: Path) -> str:
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


def _bent(text: str, source: str, staged: Mapping[str, str], root: Path) -> str:
    """A page with its drawings in it, and links as they are in the site; what is code stays as it is."""
    here = posixpath.dirname(source)
    name = staged[source]

    def bend(found: re.Match[str]) -> str:
        target, _, anchor = found["target"].partition("#")
        if "://" in target or not target or target.startswith(("/", "mailto:")):
            return found[0]
        meant = posixpath.normpath(posixpath.join(here, target))
        if found["picture"]:
            return found[0]
        there = {**ELSEWHERE, **staged, "docs/decisions": "decisions/index.md"}.get(meant)
        if there is None:
            return found["text"]
        leads = posixpath.relpath(there, posixpath.dirname(name) or ".")
        return f"[{found['text']}]({leads}{'#' if anchor else ''}{anchor})"

    def draw(found: re.Match[str]) -> str:
        return _drawing((root / here / found["target"]).read_text("utf-8"), found["text"])

    parts, last = [], 0
    for code in _FENCE.finditer(text):
        parts.append(_LINK.sub(bend, _DRAWING.sub(draw, text[last : code.start()])))
        diagram = code[0].removeprefix("```mermaid\n")
        parts.append(code[0] if diagram == code[0] else drawn(diagram.removesuffix("```")))
        last = code.end()
    return "".join([*parts, _LINK.sub(bend, _DRAWING.sub(draw, text[last:]))])


def _drawing(svg: str, text: str) -> str:
    """A drawing as part of a page: its colours are those of docs/site/style.css, which follow the page's."""
    inner = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<style>.*?</style>", "", svg, flags=re.DOTALL).strip()
    inner = re.sub(r"\n\s*", "", inner)
    label = text.replace('"', "&quot;")
    return f'<div class="drawing">{inner.replace("<svg ", f"""<svg role="img" aria-label="{label}" """, 1)}</div>'


def finish(site: Path, target: Path, made_from: str) -> None:
    """From what the generator wrote to what is served. Raises SiteError for what a browser would not be let do."""
    files: dict[str, dict[str, str]] = {}
    scripts: dict[str, str] = {}

    def put(name: str, content: bytes) -> None:
        suffix = PurePosixPath(name).suffix
        if suffix not in _CONTENT_TYPES:
            raise SiteError(f"{name}: no content type for {suffix}")
        file = name if suffix in _PICTURES else f"{name}.gz"
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (target / file).write_bytes(content if suffix in _PICTURES else gzip.compress(content, 9, mtime=0))
        files[name] = {"file": file, "type": _CONTENT_TYPES[suffix], "tag": sha256(content).hexdigest()[:20]}

    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if not path.is_file() or name in {"404.html", "sitemap.xml", "objects.inv"} or path.suffix in {".map", ""}:
            continue
        if path.suffix != ".html":
            put(name, path.read_bytes())
            continue
        up = "../" * name.count("/")

        def link(found: re.Match[str], up: str = up) -> str:
            code = found["code"]
            script = scripts.setdefault(code, f"assets/javascripts/page.{sha256(code.encode()).hexdigest()[:8]}.js")
            return f'<script src="{up}{script}"></script>'

        page = _TABLE.sub(_breakable, _SCRIPT.sub(link, path.read_text("utf-8")))
        if (wrong := _NOT_ALLOWED.search(page)) is not None:
            raise SiteError(f"{name}: {page[wrong.start() : wrong.start() + 200]}")
        put(name, page.encode())
    for code, name in scripts.items():
        put(name, code.encode())
    manifest = {"made_from": made_from, "files": files, "styles": sorted(_styles_made_by_scripts(site))}
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")


def _breakable(table: re.Match[str]) -> str:
    """A table whose names break where they have parts: on a phone its columns are narrower than they are."""
    return _CODE.sub(lambda code: _BREAK.sub("<wbr>", code[0]), table[0])


def _styles_made_by_scripts(site: Path) -> Iterator[str]:
    """The one style that is in no file, the search's, as a policy for browsers names it. Raises SiteError."""
    for bundle in (site / "assets" / "javascripts").glob("bundle.*.js"):
        script = bundle.read_text("utf-8")
        for made in _STYLE_OF_SEARCH.finditer(script):
            text = re.search(rf"\b{made['name']}=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", script)
            if text is None:
                raise SiteError(f"{bundle.name}: the style {made['name']} of the search is not a text in it any more")
            found = sha256(ast.literal_eval(text[1]).encode()).digest()
            yield f"'sha256-{base64.b64encode(found).decode()}'"


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[1]
    try:
        built = ensure(here)
    except (SiteError, PackageNotFoundError) as error:
        sys.exit(f"The documentation could not be built: {error}")
    print(f"{'Built' if built else 'Nothing to do for'} {SITE}", file=sys.stderr)  # noqa: T201 - for who started it
