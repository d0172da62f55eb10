"""Messages that somebody can check: strings to sign, signatures, and where they may be sent."""
