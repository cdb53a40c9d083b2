"""What can go wrong on the machine, by what the caller does next.

EdgeError
  ConfigError     the user's mistake: say it, exit 2
  StartError      a fault of the surroundings (disk, port): say it, exit 1
"""


class EdgeError(Exception):
    """Something kept the agent from its work; the message says what and what to do."""


class ConfigError(EdgeError):
    """The configuration is wrong: the message names file, key, what was expected and found."""


class StartError(EdgeError):
    """The agent cannot start here: the message names what is in the way."""
