"""How the fake says no."""

from __future__ import annotations

from tallystick_client.problems import BY_CODE


class RefusedError(Exception):
    """A problem with one of the service's codes. `more`: members such as ``field`` and ``largest_amount``."""

    def __init__(self, code: str, detail: str, **more: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail, self.more = code, detail, more
        self.status = BY_CODE[code].http_status
