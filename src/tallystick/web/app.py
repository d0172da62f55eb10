"""The application behind the pages."""

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.template.config import TemplateConfig

from tallystick import words
from tallystick.services.api.fair_shares import ThrottledError
from tallystick.services.context import Service
from tallystick.services.identity import common_passwords
from tallystick.services.identity.password_hashing import BusyError
from tallystick.services.process.downloads import TooManyDownloadsError
from tallystick.web.account import security
from tallystick.web.account.methods import test_money_form
from tallystick.web.account.routes import account_routes
from tallystick.web.admin.routes import admin_routes
from tallystick.web.api.schema import documents
from tallystick.web.common import assets, landing, media
from tallystick.web.common.browser.sessions import STORE, DatabaseStore, session_config
from tallystick.web.common.browser.signing_in import sign_out_form
from tallystick.web.common.errors import http_error, too_busy, too_many_files, unexpected_error
from tallystick.web.common.headers import Headers
from tallystick.web.common.languages import Pages
from tallystick.web.common.protection import security_contact
from tallystick.web.common.protection.form_tokens import form_tokens
from tallystick.web.common.protection.hosts import refuse_foreign_host
from tallystick.web.common.protection.staff_address import refuse_staff_pages_elsewhere
from tallystick.web.common.reading import TextRequest, refuse_no_text
from tallystick.web.common.shared import template_engine
from tallystick.web.common.visit import accents
from tallystick.web.console.routes import console_routes
from tallystick.web.docs import pages as docs
from tallystick.web.hosted import sandbox_return, start
from tallystick.web.hosted.routes import visit_routes
from tallystick.web.hosted.side_steps import signed_out_in_visit, test_money_in_visit
from tallystick.web.rails import back, events
from tallystick.web.rails.simulated_provider import provider_routes

MAX_BODY_BYTES = 64 * 1024


def create_pages(service: Service) -> Litestar:
    """The Co-Branded pages and what belongs to them. Everything but ``/``, which is the query API's."""
    settings = service.settings
    words.load()
    common_passwords.load()
    return Pages(
        route_handlers=[
            landing.show_landing,
            docs.show_docs,
            start.start,
            start.start_posted,
            start.pay_button,
            *visit_routes,
            sign_out_form(signed_out_in_visit),
            test_money_form(test_money_in_visit),
            *account_routes,
            *security.security_routes,
            *console_routes,
            *admin_routes,
            sandbox_return.show_return,
            events.receive_event,
            back.come_back,
            *provider_routes,
            media.show_certificate,
            documents.show_schema,
            documents.show_wsdl,
            media.show_logo,
            accents.show_accent,
            security_contact.show_contact,
            assets.show_style_sheet,
            assets.static_files(),
        ],
        state=State({"service": service}),
        stores={STORE: DatabaseStore(service)},
        middleware=[session_config(settings).middleware, form_tokens(settings, lambda: service.vault.of_digests.forms)],
        template_config=TemplateConfig(instance=template_engine()),
        exception_handlers={
            HTTPException: http_error,
            BusyError: too_busy,
            TooManyDownloadsError: too_many_files,
            ThrottledError: too_many_files,
            Exception: unexpected_error,
        },
        before_send=[Headers(settings)],
        request_class=TextRequest,
        guards=[refuse_foreign_host, refuse_no_text, refuse_staff_pages_elsewhere],
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
