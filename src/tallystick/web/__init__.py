"""Transport: bytes to requests, results to bytes. No rule about money lives here."""
