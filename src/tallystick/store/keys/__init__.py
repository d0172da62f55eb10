"""Keys, certificates and secrets at rest."""
