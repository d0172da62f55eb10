"""Rails: payment networks outside the service, behind one protocol."""
