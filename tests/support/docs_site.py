"""The built documentation, for tests that read it or show it: built once, and only if its texts have changed."""

from __future__ import annotations

from tests.support.paths import ROOT
from tools import docs_site

from tallystick.web.docs import site


def built() -> None:
    """Have the site built. Whoever else is at it is waited for."""
    if docs_site.ensure(ROOT):
        site.manifest.cache_clear()
