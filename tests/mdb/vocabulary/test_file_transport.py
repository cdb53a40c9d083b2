"""Files over the bus: their messages by their bytes, and how blocks become a file (2.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdb.vocabulary.file_transport import (
    LARGEST,
    File,
    FileBlock,
    FileMessage,
    FileOffer,
    FileRefused,
    FileWelcome,
    Reassembly,
    decode_command,
    decode_reply,
)

FULL = bytes(range(31))
MESSAGES: dict[str, FileMessage] = {
    "1B 00 10 01 FF 01": FileOffer(False, 0, 0x10, 1, 0xFF, wanted=True),
    "1C 00 10 05": FileRefused(False, 0, 0x10, 5),
    "1C 00 10 00": FileRefused(False, 0, 0x10, 0),
    "1D 00 01 4458530D0A": FileBlock(False, 0, 1, b"DXS\r\n"),
    f"1D 00 01 {FULL.hex()}": FileBlock(False, 0, 1, FULL),
    "1D 00 01": FileBlock(False, 0, 1, b""),
    "1E 00 10": FileWelcome(False, 0, 0x10),
    "1F 00 10 01 03 00": FileOffer(False, 0, 0x10, 1, 3, wanted=False),
}
BLOCKS = [told for told in MESSAGES if told.startswith("1D")]
SIZED = [told for told in MESSAGES if told not in BLOCKS]
ADDRESSES = [0x08, 0x10, 0x18, 0x30, 0x40, 0x58, 0x60, 0x70]


def by_vmc(message: FileMessage) -> FileMessage:
    match message:
        case FileOffer():
            return FileOffer(
                True, message.to, message.source, message.file, message.blocks, message.wanted
            )
        case FileRefused():
            return FileRefused(True, message.to, message.source, message.delay)
        case FileBlock():
            return FileBlock(True, message.to, message.block, message.content)
    assert isinstance(message, FileWelcome)
    return FileWelcome(True, message.to, message.source)


def command(told: str, address: int = 0x10) -> bytes:
    code, *rest = bytes.fromhex(told)
    return bytes([address | 7, code - 0x1B + 0xFA, *rest])


@pytest.mark.parametrize(("told", "message"), MESSAGES.items())
def test_an_answer_is_read_with_its_size(told: str, message: FileMessage) -> None:
    data = bytes.fromhex(told)
    assert decode_reply(data) == (len(data), message)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("told", "message"), MESSAGES.items())
def test_a_command_is_read_at_any_address(told: str, message: FileMessage, address: int) -> None:
    assert decode_command(command(told, address)) == by_vmc(message)


@pytest.mark.parametrize("told", SIZED)
def test_a_command_with_a_tail_or_cut_anywhere_is_none(told: str) -> None:
    data = command(told)
    for other in (data + b"\x2a", *(data[:cut] for cut in range(1, len(data)))):
        assert decode_command(other) is None


@pytest.mark.parametrize("told", BLOCKS)
def test_a_block_cut_in_its_head_is_none(told: str) -> None:
    assert decode_command(command(told)[:3]) is None
    assert decode_reply(bytes.fromhex(told)[:2]) is None


@pytest.mark.parametrize("told", SIZED)
def test_an_answer_leaves_what_follows_and_cut_anywhere_is_none(told: str) -> None:
    data = bytes.fromhex(told)
    assert decode_reply(data + b"\x06") == (len(data), MESSAGES[told])
    for cut in range(1, len(data)):
        assert decode_reply(data[:cut]) is None


@pytest.mark.parametrize("told", ["10", "12", "16 FA 00 10 01 FF 01", "17 F9 00 10", "17 FF", "17"])
def test_another_command_is_none(told: str) -> None:
    assert decode_command(bytes.fromhex(told)) is None


@given(st.binary(min_size=1, max_size=35))
def test_any_bytes_are_read_or_none(data: bytes) -> None:
    told = decode_reply(data)
    assert told is None or 1 < told[0] <= len(data)
    assert decode_command(data) is None or data[0] & 7 == 7


OFFER = FileOffer(False, 0, 0x10, 1, 3, wanted=False)


def block(number: int, content: bytes) -> FileBlock:
    return FileBlock(False, 0, number, content)


def feed(*messages: FileMessage) -> list[File]:
    files = Reassembly()
    told = [*map(files.feed, messages), files.end()]
    return [file for file in told if file is not None]


WELCOME = FileWelcome(True, 0x10, 0)
DXS = File(0x10, 0, 1, b"DXS...DXE", complete=True)


@pytest.mark.parametrize("first", [0, 1, 2], ids=lambda first: f"from {first}")
def test_blocks_become_a_file_whatever_the_first_is_called_as_long_as_it_is_0_or_1(
    first: int,
) -> None:
    blocks = [block(first + at, part) for at, part in enumerate((b"DXS", b"...", b"DXE", b""))]
    (file,) = feed(OFFER, WELCOME, *blocks)
    assert (file.content, file.complete) == (b"DXS...DXE", first < 2)


def test_a_file_of_the_vmc_s_is_put_together_the_same() -> None:
    messages = [OFFER, WELCOME, block(0, b"DXS"), block(1, b"...DXE"), block(2, b"")]
    assert feed(*map(by_vmc, messages)) == [DXS]


def test_a_block_said_again_counts_once() -> None:
    again = [block(1, b"DXS"), block(1, b"DXS"), block(2, b"...DXE"), block(2, b"...DXE")]
    assert feed(OFFER, *again, block(3, b"")) == [DXS]


def test_two_equal_blocks_are_two() -> None:
    (file,) = feed(OFFER, block(1, b"AA"), block(2, b"AA"), block(3, b""))
    assert (file.content, file.complete) == (b"AAAA", True)


def test_a_block_that_was_missed_leaves_the_file_incomplete() -> None:
    (file,) = feed(OFFER, block(1, b"DXS"), block(3, b"DXE"), block(4, b""))
    assert (file.content, file.complete) == (b"DXSDXE", False)


def test_a_last_block_that_was_missed_leaves_the_file_incomplete() -> None:
    (file,) = feed(OFFER, block(1, b"DXS"), block(2, b"..."), block(4, b""))
    assert not file.complete


def test_a_file_that_is_broken_off_is_incomplete() -> None:
    for last in ((), (FileRefused(True, 0x10, 0, 0),), (OFFER,)):
        (file,) = feed(OFFER, block(1, b"DXS"), *last)
        assert file == File(0x10, 0, 1, b"DXS", complete=False)


def test_a_file_whose_offer_was_missed_is_incomplete() -> None:
    assert feed(block(4, b"DXE"), block(5, b"")) == [File(None, 0, None, b"DXE", complete=False)]


def test_an_offer_that_is_refused_is_no_file() -> None:
    assert feed(OFFER, FileRefused(True, 0x10, 0, 5)) == []


def test_an_offer_said_again_before_the_first_block_changes_nothing() -> None:
    assert feed(OFFER, OFFER, WELCOME, block(1, b"DXS...DXE"), block(2, b"")) == [DXS]


def test_an_end_said_again_is_no_second_file() -> None:
    assert feed(OFFER, block(1, b"DXS...DXE"), block(2, b""), block(2, b"")) == [DXS]


def test_a_file_of_255_blocks_ends_with_an_empty_one() -> None:
    many = [block(at, FULL) for at in range(255)]
    (file,) = feed(OFFER, *many, block(255, b""))
    assert (len(file.content), file.complete) == (255 * 31, True)


def test_a_file_of_256_blocks_ends_without_an_empty_one() -> None:
    """2.6: fewer than 256 blocks end with an empty one."""
    (file,) = feed(OFFER, *(block(at, FULL) for at in range(256)))
    assert (len(file.content), file.complete) == (LARGEST, True)


messages = st.one_of(
    st.builds(FileBlock, st.booleans(), st.just(0), st.integers(0, 255), st.binary(max_size=31)),
    st.sampled_from(list(MESSAGES.values())),
)


@given(st.lists(messages, max_size=60))
def test_any_messages_make_files_of_no_more_than_was_said(heard: list[FileMessage]) -> None:
    files = feed(*heard)
    said = sum(len(each.content) for each in heard if isinstance(each, FileBlock))
    assert sum(len(each.content) for each in files) <= said


def test_what_is_kept_of_a_file_without_end_is_bounded() -> None:
    endless = (block(at & 0xFF, bytes(31)) for at in range(2 * LARGEST // 31))
    first, second = feed(OFFER, *endless)
    assert len(first.content) == len(second.content) == LARGEST
    assert (first.complete, second.complete) == (True, False)
