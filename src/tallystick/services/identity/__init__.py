"""Who somebody is: signing up and in, passwords, passkeys, addresses, proofs, letters."""
