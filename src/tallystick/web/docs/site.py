"""The built documentation, as it lies in this package: which files it has, and what is in them.

It is built when the package is (tools/docs_site.py); a checkout in which nothing was built yet has none.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

_BUILT: Final = Path(__file__).with_name("site")
_PACKED: Final = ".gz"


class BuiltFile(msgspec.Struct, frozen=True):
    """A file of the site. `file`: where it lies, below the site; `type`: its content type; `tag`: of its content."""

    file: str
    type: str
    tag: str


class SiteManifest(msgspec.Struct, frozen=True):
    """What a built site consists of, by the names that files have at /docs/.

    `made_from`: a digest of the sources. `styles`: digests of the styles that no file has, as a policy names them.
    """

    made_from: str
    files: dict[str, BuiltFile]
    styles: tuple[str, ...] = ()


@cache
def manifest(site: Path = _BUILT) -> SiteManifest:
    """The list of files, as it was when it was first asked for; an empty one where no site was built."""
    try:
        return msgspec.json.decode((site / "manifest.json").read_bytes(), type=SiteManifest)
    except FileNotFoundError:
        return SiteManifest("", {})


def find(name: str, site: Path = _BUILT) -> BuiltFile | None:
    """The file behind a name below /docs/: a page has its name with and without ``.html``. None: there is none."""
    files = manifest(site).files
    if not name or name.endswith("/"):
        name += "index.html"
    return files.get(name) or files.get(f"{name}.html")


@cache
def packed(built: BuiltFile, site: Path = _BUILT) -> bytes | None:
    """Its content as gzip, kept from then on; None for a picture, which is small as it is."""
    return (site / built.file).read_bytes() if built.file.endswith(_PACKED) else None


def content(built: BuiltFile, site: Path = _BUILT) -> bytes:
    """Its content."""
    compressed = packed(built, site)
    return (site / built.file).read_bytes() if compressed is None else gzip.decompress(compressed)
