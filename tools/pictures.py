"""Take the pictures of docs/screenshots anew, from a running demo: .venv/bin/python tools/pictures.py."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).parents[1] / "docs" / "screenshots"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1200, "height": 980}
READY = "Ctrl-C"
EMAIL = "buyer@music.example"
PASSWORD = "three songs for supper"  # noqa: S105 - the demo's, printed for everybody to see


def main() -> None:
    """Start a demo in a directory of its own, visit its pages, stop it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        sys.exit(f"none of these was found: {', '.join(PROGRAMS)}")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        ports = [str(free_port()), str(free_port())]
        command = ["demo", "--data", directory, "--port", ports[0], "--shop-port", ports[1]]
        with subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "tallystick", *command], stdout=subprocess.PIPE, text=True
        ) as demo:
            try:
                wait_until_ready(demo)
                with sync_playwright() as playwright:
                    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox does not work for root
                    browser = playwright.chromium.launch(executable_path=program, args=arguments)
                    page = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]})
                    visit(page, f"http://127.0.0.1:{ports[1]}")
                    browser.close()
            finally:
                demo.terminate()


def visit(page: Page, shop: str) -> None:
    """Click through the shop and the hosted pages; a picture of each place worth one."""
    page.goto(shop)
    page.get_by_role("button", name="Pay Now").click()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Visa ending in").check()
    page.get_by_role("button", name="Continue").click()
    take(page, "hosted-page.png")
    page.get_by_role("button", name="Confirm").click()
    page.locator("[data-balance='10.00']").wait_for()
    page.get_by_role("button", name="Buy Paper Lanterns").click()
    page.get_by_role("button", name="Buy Small Change").click()
    take(page, "shop.png")


def take(page: Page, name: str) -> None:
    """Save what the window shows."""
    page.screenshot(path=PICTURES / name)
    print(PICTURES / name)  # noqa: T201 - a program's answer


def wait_until_ready(demo: subprocess.Popen[str]) -> None:
    """Read what the demo prints until it is up."""
    if demo.stdout is None or not any(READY in line for line in demo.stdout):
        sys.exit("the demo did not start")


def free_port() -> int:
    """A port that the system chooses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
