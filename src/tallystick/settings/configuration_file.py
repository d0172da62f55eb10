"""`tallystick.toml`: where it is, and what it says. Settings stand in it by their names, in one table.

One file is read, never several: a value has two places at most where it can come from, the environment and this file.
"""

from __future__ import annotations

import os
import shlex
import stat
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import platformdirs

from tallystick.settings.parsers import absolute_path
from tallystick.settings.values import SettingsError

FILE_NAME: Final = "tallystick.toml"
SYSTEM_FILE: Final = Path("/etc/tallystick") / FILE_NAME
CONFIG: Final = "TALLYSTICK_CONFIG"
"""The environment variable that names the file."""
NO_FILE: Final = "none"
"""What it says where none is to be read."""

_COMMANDS: Final = "_command"
"""The end of names of settings that are commands, whose words may be a list."""


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """What a file says, not yet understood. `mode`: its permissions, as the system has them."""

    path: Path
    said: Mapping[str, Any]
    mode: int

    def texts(self, lists: Collection[str]) -> dict[str, str]:
        """Every value as it would stand in a variable. `lists`: the names that may have several.

        Raises SettingsError: a value is neither a text, a number, true, false, nor a list of such.
        """
        return {key: self._text(key, value, key in lists) for key, value in self.said.items()}

    def exposure(self, secrets: Collection[str]) -> list[str]:
        """What is wrong with who may read or write the file; `secrets`: names that nobody else should read."""
        found = []
        if self.mode & stat.S_IWOTH:
            found.append(f"{self.path} may be written by every user; run: chmod o-w {self.path}")
        if self.mode & stat.S_IROTH:
            inside = [name for name in ("master_key", *secrets) if _is_secret(self.said.get(name))]
            if inside:
                found.append(
                    f"{self.path} has {' and '.join(inside)} in it and may be read by every user; "
                    f"run: chmod o-r {self.path}"
                )
        return found

    def _text(self, key: str, value: object, several: bool) -> str:
        if isinstance(value, list):
            items = [self._text(key, item, several=False) for item in value]
            if key.endswith(_COMMANDS):
                return shlex.join(items)
            if several:
                return ",".join(items)
            raise SettingsError(f"{key} in {self.path}: must be one value, not a list")
        if isinstance(value, dict):
            raise SettingsError(f"{key} in {self.path}: settings stand in one table, without headings such as [{key}]")
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int):
            return str(value).strip()
        raise SettingsError(f"{key} in {self.path}: must be a text in quotes")


def user_file() -> Path:
    """Where a user's own file is."""
    return platformdirs.user_config_path("tallystick", appauthor=False) / FILE_NAME


def candidates() -> tuple[Path, ...]:
    """Where a file is looked for that nobody names; the first that is there is read."""
    return (user_file(), SYSTEM_FILE)


def find_file(environ: Mapping[str, str], named: Path | None = None) -> Path | None:
    """The file to read; None: there is none. `named`: the one that the command line names.

    Raises SettingsError: one that is named is not there, one may be there where we are not let in, or it is another
    user's.
    """
    text = environ.get(CONFIG, "").strip()
    if named is None and text == NO_FILE:
        return None
    if named is None and text:
        try:
            named = absolute_path(text)
        except ValueError as error:
            raise SettingsError(f"{CONFIG}: {error}") from None
    if named is not None:
        if not _is_there(named):
            raise SettingsError(f"there is no file {named}")
        return named.absolute()
    found = next((path for path in candidates() if _is_there(path)), None)
    if found == user_file():
        _check_owner(found)
    return found


def read_file(path: Path) -> ConfigurationFile:
    """What a file says. Raises SettingsError: it cannot be read, or is no TOML."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            said = tomllib.load(file, parse_float=str)  # an amount stays as it is written
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no TOML: it is not in UTF-8") from None
    except OSError as error:
        raise SettingsError(_unreadable(path, error)) from None
    return ConfigurationFile(path, said, mode)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # what we may not see may be the service's: going on without it would be another database
        raise SettingsError(_unreadable(path, error)) from None
    return True


def _check_owner(path: Path) -> None:
    """Commands stand in the file: one that nobody named counts only where it is ours, or root's. Raises SettingsError.

    A home may be somebody else's, such as under `sudo -E`.
    """
    owner = path.stat().st_uid
    if owner not in {0, os.geteuid()}:
        raise SettingsError(f"{path} belongs to another user ({owner}); if it is meant, name it: --config {path}")


def _unreadable(path: Path, error: OSError) -> str:
    hint = "; run the command as the service's user" if isinstance(error, PermissionError) else ""
    return f"{path} cannot be read: {error.strerror}{hint}, or name another file: --config"


def _is_secret(value: object) -> bool:
    """Whether a text is one to hide: an address without a password is none."""
    if not isinstance(value, str | list) or not value:
        return False
    if not isinstance(value, str) or "://" not in value:
        return True
    parts = urlsplit(value)
    return parts.password is not None or "password=" in parts.query
