"""Commands that set a machine up: the configuration file, what shells complete."""
