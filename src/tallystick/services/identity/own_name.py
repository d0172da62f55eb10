"""How somebody wants to be called. Names are what people say of themselves: nothing proves them, here or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.services.form_errors import FormError
from tallystick.services.identity.sign_in import NAME_MISSING, is_name
from tallystick.store.accounts import parties
from tallystick.words import gettext as _

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party


class NotTheirsError(Exception):
    """The name of a business is not for itself to change: buyers read it where they decide whom to pay."""


async def change(service: Service, party: Party, name: str) -> None:
    """Call somebody so from now on. What was written down before, such as where to deliver, keeps the name of its time.

    Raises FormError, NotTheirsError.
    """
    if party.kind != "personal":
        raise NotTheirsError
    name = " ".join(name.split())
    if not is_name(name):
        raise FormError({"name": _(NAME_MISSING)})
    await parties.rename(service.pool, party.party_id, name)
