"""`tallystick bench`: how fast the service is beside the database's own benchmark, measured in one run."""
