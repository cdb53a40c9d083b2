"""Roles: what one process of the fiscaliser does. All of them, or some beside other processes.

    inbox        machines' messages are stored and acknowledged; sales are placed
    fiscalizer   lanes are worked; any number of processes share them
    replies      machines are told
    web          pages, pushes, the API, metrics

`inbox` and `replies` share one connection to the broker: they go together, and one process has them
at a time. It holds a seat; others wait for it. On SQLite one process has all roles.
"""

from typing import Final, Literal

from cloud.errors import ConfigError

Role = Literal["inbox", "fiscalizer", "replies", "web"]
ROLES: Final[tuple[Role, ...]] = ("inbox", "fiscalizer", "replies", "web")
ON_THE_LINK: Final = frozenset({"inbox", "replies"})


def roles_of(text: str) -> tuple[Role, ...]:
    """The roles in a list with commas.

    Raises:
        ConfigError: one is unknown, or `inbox` and `replies` are not together.
    """
    named = [each.strip() for each in text.split(",")]
    unknown = [each for each in named if each not in ROLES]
    if unknown:
        raise ConfigError(
            f"--role {text}: no role is called {unknown[0]!r}; known: {', '.join(ROLES)}"
        )
    if len(ON_THE_LINK & set(named)) == 1:
        raise ConfigError(
            f"--role {text}: inbox and replies go together, they share the connection to the broker"
        )
    return tuple(role for role in ROLES if role in named)
