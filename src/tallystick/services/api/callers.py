"""Who calls, as the faces of the API know them: by an access key or by a certificate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.store.keys import certificates
from tallystick.store.keys.access_keys import AccessKey, StaleCachedKeyError
from tallystick.store.keys.callers import Caller
from tallystick.store.keys.certificates import CertifiedCaller

if TYPE_CHECKING:
    from tallystick.services.context import Service

__all__ = ["AccessKey", "Caller", "CertifiedCaller", "StaleCachedKeyError", "by_certificate"]


async def by_certificate(service: Service, fingerprint: str, now: datetime) -> CertifiedCaller | None:
    """Whose certificate has this SHA-256 fingerprint; None where it is not registered, or not any more."""
    return await certificates.find(service.pool, fingerprint, now)
