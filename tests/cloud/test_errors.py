"""What ends tasks that run together is told as what it is."""

from cloud.errors import ConfigError, LeaseLostError, the_first

LOST = LeaseLostError("seat @link: another process took it")


def test_an_error_of_ours_is_itself() -> None:
    assert the_first(LOST) is LOST


def test_one_that_ended_a_group_within_a_group_is_told_without_them() -> None:
    inner = ExceptionGroup("seat", [LOST])
    assert the_first(ExceptionGroup("all", [inner, ConfigError("later")])) is LOST


def test_what_is_not_ours_is_a_fault_of_the_program_and_stays_whole() -> None:
    assert the_first(ExceptionGroup("all", [LOST, KeyError("sale")])) is None
    assert the_first(KeyError("sale")) is None
