"""A seller's logo: keeping one, or none; and which pictures can be one: small PNG and JPEG files, whole, no more.

Nothing is decoded here: a browser shows the picture, and is told what it is. So the file must be what it says, from
its first byte to its last, and of a size that no browser minds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import crc32

from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.store.accounts import logos
from tallystick.store.accounts.logos import Logo

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["MAX_BYTES", "MAX_HEIGHT", "MAX_WIDTH", "Logo", "digest_of", "find", "read_logo", "remove", "save"]

MAX_BYTES: Final = 65_536
MAX_WIDTH: Final = 860  # pixels: four times what is shown, for fine screens
MAX_HEIGHT: Final = 160

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: the kinds that browsers show
_SCAN: Final = 0xDA

Size = tuple[int, int]


class _DamagedError(ValueError):
    """The file is not what its beginning says."""


async def digest_of(service: Service, seller_id: PartyId) -> str | None:
    """What a seller's logo is found by; None when it has none."""
    return await logos.digest_of(service.pool, seller_id)


async def find(service: Service, digest: str) -> Logo | None:
    """The logo with this digest, whoever has it."""
    return await logos.find(service.pool, digest)


async def save(
    service: Service, actor: Actor, seller_id: PartyId, data: bytes, *, environment: str | None = None
) -> str:
    """Keep a file as a seller's logo instead of the one before; gives its digest. Raises FormError.

    `environment`: of the page on which it was done, for the audit log; both show the logo.
    """
    logo, now = read_logo(data), service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        digest = await logos.save(connection, seller_id, logo, now)
        await audit.record(
            connection,
            actor,
            "branding.change",
            business_id=seller_id,
            environment=environment,
            details={"logo": digest},
            at=now,
        )
    return digest


async def remove(service: Service, actor: Actor, seller_id: PartyId, *, environment: str | None = None) -> None:
    """Show a seller's name alone. `environment`: as for `save`."""
    async with service.pool.acquire() as connection, connection.transaction():
        await logos.remove(connection, seller_id)
        await audit.record(
            connection,
            actor,
            "branding.change",
            business_id=seller_id,
            environment=environment,
            details={"logo": "removed"},
            at=service.clock(),
        )


def read_logo(data: bytes) -> Logo:
    """A file as a logo. Raises FormError."""
    if len(data) > MAX_BYTES:
        raise FormError({"file": f"The file must not be larger than {MAX_BYTES // 1024} KiB."})
    try:
        if data.startswith(_PNG):
            media_type, (width, height) = "image/png", _png_size(data)
        elif data.startswith(_JPEG):
            media_type, (width, height) = "image/jpeg", _jpeg_size(data)
        else:
            raise FormError({"file": "The file must be a PNG or JPEG picture."})
    except (_DamagedError, IndexError):
        raise FormError({"file": "The picture is damaged, or has something after its end."}) from None
    if not (0 < width <= MAX_WIDTH and 0 < height <= MAX_HEIGHT):
        message = f"The picture has {width} x {height} pixels; at most {MAX_WIDTH} x {MAX_HEIGHT} are possible."
        raise FormError({"file": message})
    return Logo(media_type, data)


def _png_size(data: bytes) -> Size:
    """Walk all chunks: each must be whole, the first one tells the size, and nothing follows the last one."""
    position, size, kind = len(_PNG), (0, 0), b""
    while kind != b"IEND":
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        chunk = data[position + 4 : end - 4]
        if end > len(data) or crc32(chunk) != int.from_bytes(data[end - 4 : end], "big"):
            raise _DamagedError
        if (position == len(_PNG)) is not (kind == b"IHDR"):
            raise _DamagedError
        if kind == b"IHDR":
            size = (int.from_bytes(chunk[4:8], "big"), int.from_bytes(chunk[8:12], "big"))
        position = end
    if position != len(data):
        raise _DamagedError
    return size


def _jpeg_size(data: bytes) -> Size:
    """Walk the segments up to the picture itself; one of them tells the size. The end must be the end."""
    if not data.endswith(_JPEG_END):
        raise _DamagedError
    position, size = 2, (0, 0)
    while True:
        if data[position] != 0xFF:  # noqa: PLR2004 - what every segment begins with
            raise _DamagedError
        kind, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if length < 2:  # noqa: PLR2004 - the length counts itself
            raise _DamagedError
        if kind in _FRAMES:
            size = (
                int.from_bytes(data[position + 7 : position + 9], "big"),
                int.from_bytes(data[position + 5 : position + 7], "big"),
            )
        if kind == _SCAN:
            return size
        position += 2 + length
