"""The form for a new access key: what it is for, from where, until when."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tallystick.domain.scopes import CHARGES_ONLY, EVERYTHING, READ_ONLY, KeyScope, scope_name, scopes_of
from tallystick.services.form_errors import FormError
from tallystick.services.seller.access_keys import MAX_NAME, MAX_NETWORKS, KeyEntry, KeyTerms, read_network
from tallystick.services.seller.staff import StaffRole, may_make_key
from tallystick.web.console.wording import SCOPES

PRESETS: Final[Mapping[str, tuple[KeyScope, str, str]]] = {
    "everything": (EVERYTHING, "Everything", "Whatever a program can do here."),
    "charges": (CHARGES_ONLY, "Charges only", "Charges buyers and reads. Gives nothing back, forgives nothing."),
    "read": (READ_ONLY, "Read only", "Reads balances, debts and transactions. Changes nothing."),
}
"""The scopes that most keys have, by the value in the form, with what to call them."""

CHOSEN: Final = "chosen"
"""The value in the form for scopes that are ticked one by one."""

LIVES: Final = {
    "": (None, "Never by itself"),
    "30d": (timedelta(days=30), "In thirty days"),
    "90d": (timedelta(days=90), "In ninety days"),
    "365d": (timedelta(days=365), "In a year"),
}
"""When a key ends by itself, by the value in the form."""

FOR_OWNERS: Final = "Only owners make keys that move real money. Choose less, or ask an owner."


def uses(scopes: int) -> str:
    """What a key may do, in a few words: the name of a preset, or of each scope."""
    for preset, name, _ in PRESETS.values():
        if scopes == preset:
            return name
    return ", ".join(title for scope, (title, _) in SCOPES.items() if scope & scopes)


def preset_choices(role: StaffRole, environment: str) -> list[tuple[str, str, str]]:
    """The presets that somebody may make here, and choosing for oneself."""
    open_to = [
        (value, name, detail)
        for value, (scopes, name, detail) in PRESETS.items()
        if may_make_key(role, environment, scopes)
    ]
    return [*open_to, (CHOSEN, "What I tick below", "")]


def scope_choices(role: StaffRole, environment: str) -> list[tuple[str, str, str]]:
    """The scopes that somebody may give a key here: name of the field, title, detail."""
    return [
        (_field(scope), title, detail)
        for scope, (title, detail) in SCOPES.items()
        if may_make_key(role, environment, scope)
    ]


def filled_in(key: KeyEntry) -> dict[str, str]:
    """The form as it would be filled in for a key that there is."""
    preset = next((value for value, (scopes, _, _) in PRESETS.items() if scopes == key.scopes), CHOSEN)
    ticked = {_field(scope): "yes" for scope in KeyScope if scope & key.scopes}
    return {"name": key.name, "uses": preset, "networks": "\n".join(key.networks)} | ticked


def read_key_form(typed: Mapping[str, str], role: StaffRole, environment: str) -> KeyTerms:
    """What the key is to be made for. Raises FormError; what is reserved for owners is a problem of `uses`, too."""
    problems: dict[str, str] = {}
    name = " ".join(typed.get("name", "").split())
    if len(name) > MAX_NAME or not name.isprintable():
        problems["name"] = f"Type at most {MAX_NAME} characters."
    scopes = _scopes(typed)
    if not scopes:
        problems["uses"] = "Choose what the key may be used for."
    elif not may_make_key(role, environment, scopes):
        problems["uses"] = FOR_OWNERS
    life, _ = LIVES.get(typed.get("life", ""), (None, ""))
    if typed.get("life", "") not in LIVES:
        problems["life"] = "Choose when the key ends."
    networks: tuple[str, ...] = ()
    try:
        networks = _networks(typed.get("networks", ""))
    except ValueError as error:
        problems["networks"] = str(error)
    if problems:
        raise FormError(problems)
    return KeyTerms(name=name, scopes=scopes.value, networks=networks, lifetime=life)


def _field(scope: KeyScope) -> str:
    return f"may_{scope_name(scope)}"


def _scopes(typed: Mapping[str, str]) -> KeyScope:
    preset = PRESETS.get(typed.get("uses", ""))
    if preset is not None:
        return preset[0]
    if typed.get("uses") != CHOSEN:
        return KeyScope(0)
    return scopes_of(scope_name(scope) for scope in KeyScope if typed.get(_field(scope)))


def _networks(text: str) -> tuple[str, ...]:
    """Raises ValueError, with words for whoever typed it."""
    found: dict[str, None] = {}
    for one in text.replace(",", " ").split():
        try:
            found[read_network(one)] = None
        except ValueError as error:
            raise ValueError(f"Type networks such as 198.51.100.0/24, one on each line: {error}.") from None
    if len(found) > MAX_NETWORKS:
        raise ValueError(f"Type at most {MAX_NETWORKS} networks.")
    return tuple(found)
