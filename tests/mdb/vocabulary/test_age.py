"""Age verification's messages by their bytes (MDB 4.2, section 11; an ICT DCM5's own frames)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.vocabulary import message as said
from mdb.vocabulary.age import (
    AgeAnswer,
    AgeCheck,
    AgeOptions,
    AgeQuestion,
    decode_command,
    decode_reply,
)
from mdb.vocabulary.message import Message, Unknown

COMMANDS: dict[str, Message] = {
    "68": said.Reset(),
    "6A": said.Poll(),
    "6F FF 05 06 12 4452415650": AgeCheck(18),
    "6F FF 06 06 FF 4452415653": AgeQuestion(),
}
ANSWERS: dict[str, Message] = {
    "FF 05 06 00 4452415650": AgeOptions(0),
    "FF 05 06 03 4452415650": AgeOptions(3),
    "FF 06 07 1E 10 4452415653": AgeAnswer(allowed=True),
    "FF 06 07 0E 10 4452415653": AgeAnswer(allowed=False),
}


@pytest.mark.parametrize(("told", "message"), COMMANDS.items())
def test_a_command_is_read(told: str, message: Message) -> None:
    assert decode_command(bytes.fromhex(told)) == message


@pytest.mark.parametrize(("told", "message"), ANSWERS.items())
def test_an_answer_is_read(told: str, message: Message) -> None:
    assert decode_reply(bytes.fromhex(told)) == [message]


@pytest.mark.parametrize("told", COMMANDS)
def test_a_command_with_a_tail_or_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_command(other) == Unknown(other)


@pytest.mark.parametrize("told", ANSWERS)
def test_an_answer_with_a_tail_or_cut_anywhere_is_unknown(told: str) -> None:
    data = bytes.fromhex(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_reply(other) == [Unknown(other)]


@pytest.mark.parametrize("told", ["69", "6B 00", "6F 00", "6F FF 05 06 12 4452415653"])
def test_what_the_standard_does_not_know_is_kept_as_heard(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) == Unknown(bytes.fromhex(told))


@pytest.mark.parametrize("told", ["02", "05 0096", "FF 05 07 00 4452415650"])
def test_what_it_says_otherwise_is_kept_as_heard(told: str) -> None:
    assert decode_reply(bytes.fromhex(told)) == [Unknown(bytes.fromhex(told))]


@given(st.binary(min_size=1, max_size=35))
def test_any_bytes_are_read_or_kept(data: bytes) -> None:
    message = decode_command(data)
    assert not isinstance(message, Unknown) or message.raw == data
    (answer,) = decode_reply(data)
    assert not isinstance(answer, Unknown) or answer.raw == data
