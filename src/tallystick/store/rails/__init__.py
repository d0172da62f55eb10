"""Rails: what they are asked, what they said and sent, set-ups; and what the simulated rail itself remembers."""
