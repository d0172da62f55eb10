"""What browsers say of themselves. Where requests come from: addresses.py."""

import re
from typing import Any, Final

from litestar.connection import ASGIConnection

from tallystick.words import gettext as _

MAX_USER_AGENT: Final = 300
_BROWSERS: Final = (  # the first that fits: most browsers also claim to be others
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"OPR/|Opera")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/")),
    ("Firefox", re.compile(r"Firefox/|FxiOS/")),
    ("Chrome", re.compile(r"Chrome/|CriOS/|Chromium/")),
    ("Safari", re.compile(r"Safari/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"iPhone")),
    ("iPad", re.compile(r"iPad")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("macOS", re.compile(r"Mac OS X|Macintosh")),
    ("Linux", re.compile(r"Linux|X11")),
)

Connection = ASGIConnection[Any, Any, Any, Any]


def user_agent(connection: Connection) -> str:
    """What the browser says it is, shortened."""
    said = connection.headers.get("user-agent", "")
    return "".join(character for character in said if character.isprintable())[:MAX_USER_AGENT]


def device(said: str) -> str:
    """Browser and system, as people call them, in the language that is spoken: ``Firefox on Linux``."""
    browser = next((name for name, sign in _BROWSERS if sign.search(said)), None)
    system = next((name for name, sign in _SYSTEMS if sign.search(said)), None)
    browser = browser or _("A browser")
    return browser if system is None else _("%(browser)s on %(system)s", browser=browser, system=system)
