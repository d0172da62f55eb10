"""What all ways in have in common, to the account, to a visit, to the seller's console and the operator's pages."""

import re
from collections.abc import Mapping
from typing import Final

from litestar.status_codes import HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.identity import reauthentication
from tallystick.store.accounts.parties import Party
from tallystick.web.common.sessions import last_proof, renew_proof, sign_browser_in
from tallystick.web.common.shared import PageRequest, service_of
from tallystick.web.common.visitors import client_address

UNUSABLE: Final = HTTP_422_UNPROCESSABLE_ENTITY

_OURS: Final = re.compile(r"/(?:account|console|admin|cobranded-ui/visits)(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,4}")


def client_of(request: PageRequest) -> str | None:
    """The address that a request comes from, where it is known."""
    return client_address(request, service_of(request).settings)


async def enter(request: PageRequest, typed: Mapping[str, str]) -> Party:
    """Sign in with a form that has `email` and `password`, or `passkey`. Raises FormError."""
    party, by = await reauthentication.enter(service_of(request), typed, client_of(request))
    sign_browser_in(request, party, by)
    return party


async def prove(request: PageRequest, party: Party, typed: Mapping[str, str]) -> None:
    """Prove again who is signed in, with a form that has `password` or `passkey`. Raises FormError."""
    renew_proof(request, await reauthentication.prove(service_of(request), party, typed, client_of(request)))


def proved_lately(request: PageRequest) -> bool:
    """Whether whoever is signed in proved it within the time that settings give."""
    proof = last_proof(request)
    return proof is not None and reauthentication.is_recent(service_of(request), proof.at)


def own_way(path: str, otherwise: str) -> str:
    """The path, if it is one of our pages for people; else another one."""
    return path if _OURS.fullmatch(path) else otherwise
