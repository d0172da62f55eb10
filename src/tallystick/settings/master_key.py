"""The master key: given by a setting, or kept in a file that is made on first use."""

import base64
import binascii
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from tallystick.settings.values import Settings, SettingsError

MASTER_KEY_BYTES: Final = 32


def has_master_key(settings: Settings) -> bool:
    """Whether there is a master key already."""
    return settings.master_key is not None or settings.master_key_file.exists()


def load_master_key(settings: Settings) -> bytes:
    """The 32 bytes of the master key; made on first use when no setting gives it. Processes may call this at once.

    Raises SettingsError: the key file is damaged, cannot be read or made, or others may read it.
    """
    if settings.master_key is not None:
        return settings.master_key
    path = settings.master_key_file
    try:
        if not path.exists():
            _create_master_key(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} may be read by other users; run: chmod 600 {path}")
        return parse_master_key(path.read_text("ascii").strip())
    except OSError as error:
        raise SettingsError(f"the master key {path} can be neither read nor made: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError):
        raise SettingsError(f"{path} is damaged: it should hold 32 bytes in base64") from None


def _create_master_key(path: Path) -> None:
    """Write a whole key under another name and link it into place: nobody ever sees half a key, or two of them."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster: its key is the key
            os.link(draft, path)
    finally:
        draft.unlink()


def parse_master_key(text: str) -> bytes:
    """The 32 bytes that are written in base64; raises ValueError, without the text, which is a secret."""
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError("must be 32 bytes in base64, such as `openssl rand -base64 32` prints")
    return key
