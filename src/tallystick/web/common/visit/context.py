"""A visit to the hosted pages as its templates see it: what is asked for, by whom, and who agrees to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar.response import Response

from tallystick.domain.commands import AmountRule, Method
from tallystick.domain.environments import SANDBOX
from tallystick.services.consent import pipelines
from tallystick.services.consent.answers import NoConsent
from tallystick.services.consent.choices import BuyerChoices, ChosenMethod
from tallystick.services.consent.subject import Brand, VisitSubject
from tallystick.services.consent.terms import AnyTerms, EditTerms, PurchaseTerms, RecipientTerms, SenderTerms
from tallystick.services.consent.visits import Visit
from tallystick.services.context import Service
from tallystick.services.identity.accounts import Party
from tallystick.services.identity.hosted import mailed_codes
from tallystick.web.common.agreements.agreed import Agreed
from tallystick.web.common.agreements.consent_text import promises
from tallystick.web.common.agreements.offers import Offer, offer
from tallystick.web.common.agreements.wording import agreed_of, lines_of
from tallystick.web.common.shared import PageRequest, page
from tallystick.web.common.visit import accents
from tallystick.words import gettext as _

VISITS: Final = "/cobranded-ui/visits"


def visit_path(visit_id: str, step: str) -> str:
    """The path of a step of a visit."""
    return f"{VISITS}/{visit_id}/{step}"


@dataclass(frozen=True, slots=True)
class PageBrand:
    """The brand on the pages. `logo` and `accent`: the addresses of a picture and a style sheet of ours.

    `support`: where the seller answers questions, an https or mailto address. `wide`: the logo is a banner.
    """

    name: str
    logo: str | None
    wide: bool
    accent: str | None
    support: str | None

    @classmethod
    def of(cls, brand: Brand, *, wide: bool) -> "PageBrand":
        """A brand, with what a browser loads for it."""
        return cls(
            name=brand.name,
            logo=None if brand.logo_digest is None else f"/logos/{brand.logo_digest}",
            wide=wide,
            accent=None if brand.accent is None else accents.address(brand.accent),
            support=brand.support_link,
        )


@dataclass(frozen=True, slots=True)
class VisitContext:
    """A visit and the person in it: a buyer, or in a Recipient visit the business that is to receive."""

    request: PageRequest
    service: Service
    visit: Visit
    subject: VisitSubject
    brand: PageBrand
    someone: Party | None

    @property
    def buyer(self) -> Party:
        """Who is signed in; only for steps that need somebody."""
        if self.someone is None:
            raise LookupError("this step needs a buyer")
        return self.someone

    @property
    def terms(self) -> AnyTerms:
        """What is to be agreed to."""
        return self.subject.terms

    @property
    def seller(self) -> Party:
        """Whose program asks."""
        return self.subject.caller

    @property
    def now(self) -> datetime:
        """The present moment of the seller's book: a sandbox book has a clock of its own."""
        return self.service.clock() + self.subject.book.clock_offset

    @property
    def site(self) -> str:
        """The name in the link back: what the seller calls its site, or the seller's name."""
        return self.terms.website or self.seller.name

    @property
    def sandbox(self) -> bool:
        """Whether no real money moves."""
        return self.visit.environment == SANDBOX

    @property
    def agreed(self) -> Agreed:
        """What is to be agreed to, for the texts about it."""
        return agreed_of(self.subject)

    @property
    def offer(self) -> Offer:
        """What is asked for, at a glance."""
        return offer(self.agreed)

    @property
    def pays(self) -> bool:
        """Whether a means of payment is chosen; else somebody agrees to receive."""
        return not isinstance(self.terms, RecipientTerms)

    @property
    def takes_codes(self) -> bool:
        """Whether a code from a letter may stand for a password here."""
        return self.pays and mailed_codes.are_taken(self.service)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The steps of this visit, each with its name; the address only where it is asked for."""
        payment = [("payment", _("Payment"))] if self.pays else []
        address = [("address", _("Address"))] if self.terms.collect_address else []
        return [("sign-in", _("Sign in")), *payment, *address, ("confirm", _("Confirm"))]

    @property
    def after_sign_in(self) -> str:
        """The path of the step that follows signing in."""
        return self.to("method" if self.pays else "confirm")

    @property
    def unverified(self) -> bool:
        """Whether the code of a letter is needed before this person can go on."""
        return self.someone is not None and self.subject.email_verified and not self.someone.email_verified

    @property
    def stopped(self) -> NoConsent | None:
        """The answer when this person cannot go on at all."""
        return pipelines.why_stop(self.service, self.visit, self.subject, self.buyer)

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What the amount is made of, as the seller says, and the amount itself; empty where it says nothing."""
        return lines_of(self.terms)

    def promises(self, source: str) -> list[str]:
        """What is agreed to, a sentence each; `source` is the means of payment within a sentence."""
        return promises(self.agreed, source, self.now)

    def to(self, step: str) -> str:
        """The path of a step of this visit."""
        return visit_path(self.visit.visit_id, step)

    def page(self, template: str, **context: Any) -> Response[Any]:  # noqa: ANN401 - whatever the template shows
        """A page of this visit."""
        return page(template, visit_context=self, sandbox=self.sandbox, **context)

    @property
    def due_micros(self) -> int:
        """What is paid at once, when somebody confirms; 0 where nothing is."""
        return self.terms.amount_micros if isinstance(self.terms, PurchaseTerms) else 0

    @property
    def current_key(self) -> str | None:
        """The choice that the token of an EditToken visit pays with so far."""
        edited = self.subject.edited
        if not isinstance(self.terms, EditTerms) or edited is None:
            return None
        return ChosenMethod(edited.method or Method.ABT, edited.payment_method_id).key

    @property
    def fixed_micros(self) -> int:
        """What each payment comes to, as far as that is agreed to here; else 0."""
        terms = self.terms
        if not isinstance(terms, SenderTerms) or terms.agreed.amount_rule is not AmountRule.EXACT:
            return 0
        return terms.agreed.amount_micros or 0

    @property
    def chosen(self) -> BuyerChoices:
        """What this buyer chose so far; nothing of what another one chose."""
        return self.visit.chosen_by(None if self.someone is None else self.someone.party_id)
