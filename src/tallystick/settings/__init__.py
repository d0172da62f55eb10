"""Every setting, read once from environment and file into a frozen value; `docs/settings.md` is their table."""

from tallystick.settings.configuration_file import (
    CONFIG,
    NO_FILE,
    ConfigurationFile,
    candidates,
    find_file,
    read_file,
)
from tallystick.settings.environment import (
    LISTS,
    NAMES,
    PARSERS,
    PREFIX,
    SECRETS,
    TEST_PREFIX,
    from_environment,
    problems_of,
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
from tallystick.settings.values import (
    ENVIRONMENT,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    Origin,
    Settings,
    SettingsError,
    setting_fields,
)

__all__ = [
    "CONFIG",
    "ENVIRONMENT",
    "LISTS",
    "MAX_CONNECTIONS",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "NAMES",
    "NO_FILE",
    "PARSERS",
    "PREFIX",
    "SECRETS",
    "TEST_PREFIX",
    "ConfigurationFile",
    "Origin",
    "Settings",
    "SettingsError",
    "candidates",
    "find_file",
    "from_environment",
    "has_master_key",
    "load_master_key",
    "load_master_keys",
    "new_master_key",
    "problems_of",
    "read_file",
    "setting_fields",
    "variable_name",
    "variable_of_rail",
    "write_master_keys",
]
