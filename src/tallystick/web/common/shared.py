"""What all pages use: the service, templates, forms, redirects, who is signed in."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.connection import Request
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Response, Template
from litestar.status_codes import HTTP_200_OK, HTTP_302_FOUND, HTTP_303_SEE_OTHER

from tallystick.services.context import Service
from tallystick.services.identity import accounts, passkeys
from tallystick.services.identity.accounts import Party
from tallystick.settings import Settings
from tallystick.web.common.agreements import history_text, payment_method_text
from tallystick.web.common.agreements.authorization_text import AuthorizationText
from tallystick.web.common.assets import asset
from tallystick.web.common.browser.sessions import sign_browser_out, signed_in_party
from tallystick.web.common.filters import FILTERS
from tallystick.web.common.languages import language_links, remember_language
from tallystick.web.common.method_setup import ways_to_add
from tallystick.web.common.protection.form_tokens import form_token
from tallystick.words import date_of, dollars, signed, spoken
from tallystick.words.figures import month_of, number
from tallystick.words.texts import bare_gettext, bare_ngettext, bare_pgettext

TEMPLATES: Final = Path(__file__).parents[1] / "templates"

PageRequest = Request[Any, Any, Any]


@cache
def template_engine() -> JinjaTemplateEngine:
    """Templates that escape everything and raise on an undefined value instead of showing nothing.

    One for all applications of a process, which compiles each template once.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined] # the extension puts it there
        bare_gettext, bare_ngettext, newstyle=True, pgettext=bare_pgettext
    )
    environment.globals |= {"asset": asset, "language": spoken, "language_links": language_links}
    environment.globals |= {"passkey_options": passkey_options, "form_token": form_token}
    environment.globals |= {"ways_to_add": ways_to_add, "settings_of": settings_of}
    environment.filters |= FILTERS
    environment.filters["date"] = date_of
    environment.filters["dollars"] = dollars
    environment.filters["number"] = number
    environment.filters["method_title"] = payment_method_text.title
    environment.filters["method_detail"] = payment_method_text.detail
    environment.filters["kind_in_words"] = history_text.kind_in_words
    environment.filters["in_words"] = AuthorizationText
    environment.filters["month"] = month_of
    environment.filters["signed"] = signed
    return JinjaTemplateEngine.from_environment(environment)


def passkey_options(request: PageRequest) -> dict[str, Any] | None:
    """For a form that takes a passkey: what to ask the browser for; None where passkeys cannot be."""
    return passkeys.sign_in_options(service_of(request))


def settings_of(request: PageRequest) -> Settings:
    """The settings, for what every page says of who runs the service."""
    return service_of(request).settings


def service_of(request: PageRequest) -> Service:
    """The service of the application that the request came to."""
    service = request.app.state["service"]
    if not isinstance(service, Service):
        raise TypeError("the application was made without its service")
    return service


def page(template: str, *, status: int = HTTP_200_OK, **context: object) -> Response[Any]:
    """A page from a template."""
    defaults: dict[str, object] = {"problems": {}, "typed": {}, "sandbox": False, "visit_context": None}
    return Template(template, context=defaults | context, status_code=status, media_type="text/html")


async def form_of(request: PageRequest) -> dict[str, str]:
    """What was typed into a form; files and repeated fields have no place in ours."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def go(path: str) -> Response[Any]:
    """On to another page of ours."""
    return Redirect(path, status_code=HTTP_303_SEE_OTHER)


def go_back_to_seller(url: str) -> Response[Any]:
    """To the seller's site, with our signed answer. 302, as the original service is taken to have done."""
    return Redirect(url, status_code=HTTP_302_FOUND)


async def signed_in(request: PageRequest) -> Party | None:
    """The person who is signed in on this browser."""
    session = signed_in_party(request)
    if session is None:
        return None
    party_id, session_round = session
    party = await accounts.of_session(service_of(request), party_id, session_round)
    if party is None:
        sign_browser_out(request)
        return None
    await remember_language(request, party, service_of(request))
    return party
