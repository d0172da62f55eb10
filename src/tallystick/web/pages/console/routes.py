"""All pages of the console."""

from tallystick.web.pages.console.entrance import entrance_routes
from tallystick.web.pages.console.home import home_routes

console_routes = [*entrance_routes, *home_routes]
