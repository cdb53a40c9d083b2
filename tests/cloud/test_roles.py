"""What one process does, as the command line says it."""

import pytest

from cloud.errors import ConfigError
from cloud.roles import ROLES, roles_of


def test_roles_are_a_list_with_commas_in_any_order() -> None:
    assert roles_of("web, replies,inbox") == ("inbox", "replies", "web")
    assert roles_of(",".join(ROLES)) == ROLES
    assert roles_of("fiscalizer") == ("fiscalizer",)


@pytest.mark.parametrize("text", ["", "cashier", "web,"])
def test_an_unknown_role_is_named_with_those_there_are(text: str) -> None:
    with pytest.raises(ConfigError, match=r"known: inbox, fiscalizer, replies, web"):
        roles_of(text)


@pytest.mark.parametrize("text", ["inbox", "replies,web"])
def test_what_shares_the_broker_goes_together(text: str) -> None:
    with pytest.raises(ConfigError, match="inbox and replies go together"):
        roles_of(text)
