"""All pages of a visit."""

from litestar.handlers import HTTPRouteHandler

from tallystick.web.hosted.confirm import confirm_routes
from tallystick.web.hosted.email_entry import email_entry_routes
from tallystick.web.hosted.entry import entry_routes
from tallystick.web.hosted.method import choice_routes
from tallystick.web.hosted.set_up import set_up_routes

visit_routes: list[HTTPRouteHandler] = [
    *entry_routes,
    *email_entry_routes,
    *choice_routes,
    *set_up_routes,
    *confirm_routes,
]
