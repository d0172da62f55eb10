"""What HTTP clients of tests share."""

from __future__ import annotations

import ssl
from typing import Final

NO_AUTHORITIES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Believes no certificate: services under test are reached without TLS.

For `verify` of a client, which would else read all authorities of this machine: 30 ms for each browser of each test.
"""
