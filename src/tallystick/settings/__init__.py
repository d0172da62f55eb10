"""Every setting, read once from the environment into a frozen value; `docs/settings.md` is their table."""

from tallystick.settings.environment import (
    PARSERS,
    PREFIX,
    TEST_PREFIX,
    file_variable,
    from_environment,
    unknown_settings,
    variable_name,
    variable_of_rail,
)
from tallystick.settings.master_key import (
    has_master_key,
    load_master_key,
    load_master_keys,
    new_master_key,
    write_master_keys,
)
from tallystick.settings.values import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS, Settings, SettingsError

__all__ = [
    "MAX_CONNECTIONS",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "PARSERS",
    "PREFIX",
    "TEST_PREFIX",
    "Settings",
    "SettingsError",
    "file_variable",
    "from_environment",
    "has_master_key",
    "load_master_key",
    "load_master_keys",
    "new_master_key",
    "unknown_settings",
    "variable_name",
    "variable_of_rail",
    "write_master_keys",
]
