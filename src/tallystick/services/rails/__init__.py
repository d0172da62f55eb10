"""Rails: what they are asked for, what they send by themselves, how means of payment are set up there."""
