"""For who writes the seller's programs: keys, notifications, requests, buttons, the sandbox."""
