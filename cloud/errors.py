"""What can go wrong in the cloud, by what the caller does next.

CloudError
  ConfigError        the user's mistake: say it, exit 2
    FleetError       … in what they want of the fleet: nothing was written
    DecisionError    what a person decided is not to be had: say why, exit 2
  StartError         a fault of the surroundings (database, port, broker): say it, exit 1
  LeaseLostError     another process has the lane: drop what is in hand, write nothing

A refused receipt, a lost answer, an unknown machine are no errors: they are outcomes and
dispositions, values with a place in the store.
"""


class CloudError(Exception):
    """Something kept the fiscaliser from its work; the message says what and what to do."""


class ConfigError(CloudError):
    """The configuration is wrong: the message names file, key, what was expected and found."""


class DecisionError(ConfigError):
    """What a person asked for could make two receipts, or none: the message says what to do first."""


class FleetError(ConfigError):
    """The fleet cannot be so: the message names what is missing, or what is in the way."""


class StartError(CloudError):
    """The fiscaliser cannot start here: the message names what is in the way."""


class LeaseLostError(CloudError):
    """This lane is another process's now."""


def the_first(error: Exception) -> CloudError | None:
    """The first of ours in what ended tasks that ran together; None if any of it is not ours."""
    if isinstance(error, ExceptionGroup):
        found = [the_first(each) for each in error.exceptions]
        return None if None in found else found[0]
    return error if isinstance(error, CloudError) else None
