"""The master keys: given by a setting, told by a command, or kept in a file that is made on first use.

One of them seals; which one is written in the database, not here (`store/keys/vault.py`). A source has one key as a
rule, two while one is exchanged.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tallystick.settings.secret_command import told_by
from tallystick.settings.values import Settings, SettingsError

MASTER_KEY_BYTES: Final = 32


def has_master_key(settings: Settings) -> bool:
    """Whether there is a master key already."""
    given = settings.master_key is not None or settings.master_key_command is not None
    return given or settings.key_file.exists()


def load_master_keys(settings: Settings) -> tuple[bytes, ...]:
    """All master keys, 32 bytes each, in the order of their source; made on first use where no setting gives one.

    Processes may call this at once. Blocks: the command may take half a minute. Raises SettingsError: the file is
    damaged, cannot be read or made, or others may read it; the command fails, or says something else.
    """
    if settings.master_key is not None:
        keys: tuple[bytes, ...] = (settings.master_key,)
    elif settings.master_key_command is not None:
        keys = _told_by(settings.master_key_command)
    else:
        keys = _kept_in(settings.key_file)
    return tuple(dict.fromkeys((*keys, *(settings.further_master_keys or ()))))


def load_master_key(settings: Settings) -> bytes:
    """The first one of them. Raises SettingsError."""
    return load_master_keys(settings)[0]


def new_master_key() -> bytes:
    """A key that nobody had before."""
    return secrets.token_bytes(MASTER_KEY_BYTES)


def write_master_keys(path: Path, keys: Sequence[bytes]) -> None:
    """Replace the keys in a file, at once: whoever reads it finds all of the old ones or all of the new ones.

    Raises SettingsError: the file cannot be written, or is a link to one that somebody else keeps.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        if path.is_symlink():
            raise SettingsError(f"{path} is a link to a file that something else keeps; change it there")
        status = path.stat()
        try:
            _write_draft(draft, keys)
            if os.geteuid() == 0:  # the file may be that of the service's user
                os.chown(draft, status.st_uid, status.st_gid)
            draft.replace(path)
            _make_durable(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"the master key {path} cannot be changed: {error.strerror}") from None


def parse_master_key(text: str) -> bytes:
    """The 32 bytes that are written in base64; raises ValueError, without the text, which is a secret."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError("must be 32 bytes in base64, such as `openssl rand -base64 32` prints")
    return key


def _kept_in(path: Path) -> tuple[bytes, ...]:
    try:
        if not path.exists():
            _create_master_key(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} may be read by other users; run: chmod 600 {path}")
        return _parse_lines(path.read_text("ascii"))
    except OSError as error:
        raise SettingsError(f"the master key {path} can be neither read nor made: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError):
        raise SettingsError(f"{path} is damaged: it should hold 32 bytes in base64, or several lines of such") from None


def _told_by(command: Sequence[str]) -> tuple[bytes, ...]:
    """What the command prints: a key, or several in lines."""
    try:
        told = told_by(command)
    except ValueError as error:
        raise SettingsError(f"the command for the master key {error}") from None
    try:
        return _parse_lines(told)
    except ValueError:  # what it said is not repeated: it may be a key
        raise SettingsError("the command for the master key printed something else than 32 bytes in base64") from None


def _parse_lines(text: str) -> tuple[bytes, ...]:
    keys = tuple(parse_master_key(line.strip()) for line in text.splitlines() if line.strip())
    if not keys:
        raise ValueError("there is no key")
    return keys


def _create_master_key(path: Path) -> None:
    """Write a whole key under another name and link it into place: nobody ever sees half a key, or two of them."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _write_draft(draft, (new_master_key(),))
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(draft, path)
            _make_durable(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _write_draft(draft: Path, keys: Sequence[bytes]) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(base64.b64encode(key) + b"\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())


def _make_durable(directory: Path) -> None:
    """Let the name of a new file outlive a power cut: what is sealed with its key does."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
