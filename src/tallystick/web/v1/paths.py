"""What may be meant by a path of /v1 at which there is nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from tallystick.domain.names.spelling import closest

OTHER_WORDS: Final[Mapping[str, str]] = {
    "balance": "account",
    "balances": "authorizations",
    "captures": "reservations",
    "holds": "reservations",
    "fundings": "top_ups",
    "instruments": "authorizations",
    "mandates": "authorizations",
    "pay": "charges",
    "payment_intents": "charges",
    "payments": "charges",
    "subscriptions": "authorizations",
    "tabs": "authorizations",
    "tokens": "authorizations",
    "wallets": "authorizations",
}
"""What other interfaces, and the query API, call what has another name here."""

_NOUN: Final = 2
_ID: Final = 3
_VERB: Final = 4


def meant(path: str, known: Collection[str]) -> str:
    """The path that may be meant, of those that are known, where ids are ``{id}``; "" where none is like it."""
    steps = path.rstrip("/").split("/")
    if len(steps) <= _NOUN:
        return ""
    nouns = {one.split("/")[_NOUN] for one in known}
    noun = steps[_NOUN].lower()
    noun = OTHER_WORDS.get(noun) or closest(noun, sorted(nouns)) or ""
    of_noun = [one for one in known if one == f"/v1/{noun}" or one.startswith(f"/v1/{noun}/")]
    if not of_noun:
        return ""
    one, verbs = f"/v1/{noun}/{{id}}", {each.split("/")[_VERB]: each for each in of_noun if each.count("/") == _VERB}
    if len(steps) > _VERB and (verb := closest(steps[_VERB], verbs)):
        return verbs[verb]
    if len(steps) > _ID and one in of_noun:
        return one
    return min(of_noun, key=len)
