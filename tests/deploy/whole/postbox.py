"""A mail server that writes every letter into a file. It is copied into machines: the standard library alone.

postbox.py FILE
"""

import socketserver
import sys
from pathlib import Path

FILE = Path(sys.argv[1])


class Postman(socketserver.StreamRequestHandler):
    """One sender. Source: RFC 5321."""

    def handle(self) -> None:
        """Agree to all of it."""
        self.wfile.write(b"220 postbox\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                letter = list(iter(self.rfile.readline, b".\r\n"))
                with FILE.open("ab") as file:
                    file.writelines(letter)
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


with socketserver.ThreadingTCPServer(("127.0.0.1", 2525), Postman) as server:
    server.serve_forever()
