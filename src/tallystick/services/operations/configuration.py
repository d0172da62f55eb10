"""The settings of a process for people: what counts, where it came from, what it means. Secrets are masked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlsplit

from tallystick.db.privileges import state_of
from tallystick.domain.money import display_amount
from tallystick.services.context import Service
from tallystick.settings import Settings, file_variable, variable_name

ENVIRONMENT: Final = "environment"
DEFAULT: Final = "default"
COMMAND: Final = "command line"

_AMOUNTS: Final = frozenset({"unverified_spending_limit", "unverified_receiving_limit"})
_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")
_MEANING: Final = re.compile(r"^ {4}(?P<name>[a-z_0-9]+): (?P<text>.+(?:\n {8}.+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting. `source`: ENVIRONMENT, DEFAULT or COMMAND; `secret`: its value is not shown."""

    variable: str
    value: str
    source: str
    meaning: str
    secret: bool


def configuration(settings: Settings, environ: Mapping[str, str]) -> list[SettingLine]:
    """All settings as they count in a process whose environment is `environ`."""
    plain, meanings = Settings(), _meanings()
    usual = {setting.name: getattr(plain, setting.name) for setting in fields(Settings)}
    usual["public_url"] = Settings(port=settings.port).public_url  # without one it follows from the port
    usual["require_verified_email"] = settings.smtp_url is not None  # follows from whether letters leave
    return [
        SettingLine(
            variable=variable_name(setting.name),
            value=_shown(setting.name, getattr(settings, setting.name), secret=not setting.repr),
            source=_source(setting.name, environ, changed=getattr(settings, setting.name) != usual[setting.name]),
            meaning=meanings.get(setting.name, ""),
            secret=not setting.repr,
        )
        for setting in fields(Settings)
    ]


def _source(name: str, environ: Mapping[str, str], *, changed: bool) -> str:
    variables = (variable_name(name), file_variable(name))
    if any(environ.get(variable, "").strip() for variable in variables):
        return ENVIRONMENT
    return COMMAND if changed else DEFAULT


def _shown(name: str, value: object, *, secret: bool) -> str:
    if value is None:
        return "not set"
    if secret:
        return _without_secrets(value) if isinstance(value, str) and "://" in value else "set, not shown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if name in _AMOUNTS and isinstance(value, int):
        return f"${display_amount(value)}"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _without_secrets(url: str) -> str:
    """Where an address leads, without user, password and whatever else it carries."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{'…@' if '@' in parts.netloc else ''}{place}{parts.path}{'?…' if parts.query else ''}"


def _meanings() -> dict[str, str]:
    """What each setting means, from the text of Settings."""
    meanings = {}
    for found in _MEANING.finditer(inspect.cleandoc(Settings.__doc__ or "")):
        text = " ".join(found["text"].replace("`", "").split())
        meanings[found["name"]] = text[:1].upper() + text[1:]
    return meanings


async def role_warnings(service: Service) -> list[str]:
    """What the service's role in the database may do, and should not; empty where there is nothing."""
    state = await state_of(service.pool)
    return [] if state is None else [f"the database role {state.name} {excess}" for excess in state.excess]


def exposure_warnings(settings: Settings) -> list[str]:
    """What whoever starts the service should put right before others reach it; empty where there is nothing."""
    if not settings.secure_cookies:
        if urlsplit(settings.public_url).hostname in _THIS_MACHINE:
            return []
        return [f"{settings.public_url} has no https: whoever is on the way reads passwords and takes over sessions."]
    found = []
    if not settings.reverse_proxies:
        found.append(
            "TALLYSTICK_REVERSE_PROXIES is not set: something before the service speaks https, and without its word "
            "all clients look like one. Nobody's attempts to sign in are counted by client."
        )
    if settings.smtp_url is None:
        found.append(
            "TALLYSTICK_SMTP_URL is not set: no letter leaves. Nobody can prove an address or get a new password, and "
            "operators can read everybody's letters, with the links in them."
        )
    return found
