"""`tallystick dev`: for who works on Tallystick itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tallystick.cli.commands.demo import HOST, settings_of_demo, stage
from tallystick.cli.console import run, settings_of_process
from tallystick.cli.serving.http_server import listening, port_or_free_one
from tallystick.cli.tour.pictures import Tour, browser
from tallystick.cli.tour.sales import receive_notifications
from tallystick.settings import Settings

app = typer.Typer(help="For who works on Tallystick itself.", no_args_is_help=True)


@app.callback()
def dev() -> None:
    """For who works on Tallystick itself."""


@app.command()
def screenshots(
    directory: Annotated[Path, typer.Option("--to", metavar="DIRECTORY", help="Where the pictures go.")] = Path(
        "docs/screenshots"
    ),
) -> None:
    """Take pictures of the main pages anew: phone and desk, light and dark.

    Starts a demo of its own with sample sales, and drives Chromium through it. Needs playwright.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        settings = settings_of_demo(settings_of_process(), Path(data), port_or_free_one(HOST, 8400))
        run(_screenshots(settings, port_or_free_one(HOST, 8500), directory))


async def _screenshots(settings: Settings, shop_port: int, directory: Path) -> None:
    receiver_port = port_or_free_one(HOST, 8600)
    async with (
        browser() as chromium,
        listening(receive_notifications, HOST, receiver_port),
        stage(settings, shop_port, Console(stderr=True)) as running,
    ):
        await Tour(running, chromium, directory, f"http://{HOST}:{receiver_port}/ipn").run()
