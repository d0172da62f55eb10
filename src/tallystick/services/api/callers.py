"""Who calls, as the faces of the API know them: by an access key or by a certificate; and what a key is good for.

All faces ask here, so that a key is worth the same wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.scopes import scope_names
from tallystick.store.keys import access_keys, certificates
from tallystick.store.keys.access_keys import AccessKey, Address, StaleCachedKeyError, is_bearer_of
from tallystick.store.keys.callers import Caller
from tallystick.store.keys.certificates import CertifiedCaller
from tallystick.store.keys.key_texts import key_named_by

if TYPE_CHECKING:
    from tallystick.services.context import Service

__all__ = [
    "AccessKey",
    "Address",
    "Caller",
    "CertifiedCaller",
    "SourceOf",
    "StaleCachedKeyError",
    "by_bearer",
    "by_cached_bearer",
    "by_certificate",
    "by_key",
    "check_terms",
    "nowhere",
    "pin_version",
]

SourceOf: TypeAlias = Callable[[], Address | None]
"""Tells from which address a request came; None: that is not known."""


def nowhere() -> Address | None:
    """Of a request that came from no address that is known."""
    return None


async def by_key(service: Service, access_key_id: str, named_in: str, now: datetime) -> AccessKey:
    """The key of this id, which stood in `named_in`. Raises Refused: InvalidClientTokenId."""
    key = await service.keys.find(access_key_id)
    if key is None:
        raise Refused(Refusal.InvalidClientTokenId, f"The access key in {named_in} is not known.")
    if not key.usable(now):
        raise Refused(Refusal.InvalidClientTokenId, f"The access key in {named_in} has expired.")
    return key


async def by_bearer(service: Service, bearer: str, now: datetime) -> AccessKey:
    """The key whose bearer secret this is. Raises Refused: InvalidClientTokenId."""
    named = key_named_by(bearer)
    key = None if named is None else await service.keys.find(named)
    if key is None or not is_bearer_of(key, bearer):
        raise Refused(Refusal.InvalidClientTokenId, "The bearer secret is not known: it is none of ours, or has ended.")
    if not key.usable(now):
        raise Refused(Refusal.InvalidClientTokenId, "The key of this bearer secret has expired.")
    return key


def by_cached_bearer(service: Service, bearer: str, now: datetime) -> AccessKey | None:
    """The cached key whose bearer secret this is; None: read it, or hear what is wrong, with `by_bearer`.

    Whoever acts on it has it revalidated, as of calls that are signed with a cached key.
    """
    named = key_named_by(bearer)
    key = None if named is None else service.keys.recall(named, now)
    if key is None or not is_bearer_of(key, bearer) or key.book_id is None:
        return None
    return key if service.committer.reads_optimistically(key.book_id) else None


async def pin_version(service: Service, key: AccessKey, version: str) -> None:
    """Pin a key to the version of the JSON interface with which it called first."""
    await access_keys.pin_version(service.pool, key.access_key_id, version)


async def by_certificate(service: Service, fingerprint: str, now: datetime) -> CertifiedCaller | None:
    """Whose certificate has this SHA-256 fingerprint; None where it is not registered, or not any more."""
    return await certificates.find(service.pool, fingerprint, now)


_NO: Final = "Nothing was done. Use another key, or let an owner of the account make one for this."


def check_terms(caller: Caller, scopes: int, source: SourceOf) -> None:
    """Refuse a key that was made for other uses, or for other networks. Raises Refused: AuthFailure.

    Certificates, which only the operator registers, are for everything.
    """
    if not isinstance(caller, AccessKey):
        return
    if caller.networks:
        address = source()
        if not caller.may_come_from(address):
            place = "an address that is not known here" if address is None else str(address)
            raise Refused(Refusal.AuthFailure, f"The access key is not for calls from {place}. {_NO}")
    if not caller.may(scopes):
        lacking = ", ".join(scope_names(scopes & ~caller.scopes))
        raise Refused(Refusal.AuthFailure, f"The access key is not for this: it lacks the scope {lacking}. {_NO}")
