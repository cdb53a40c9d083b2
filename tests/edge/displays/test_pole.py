"""A pole display on a real pseudo-terminal; what it was sent is laid out as its glass would."""

import os
import select
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from parts import until

from edge.buyer.picture import Picture
from edge.displays.pole import Pole, plain, rows_of
from edge.errors import StartError

LINK = "https://chek.example/r/k7q2m9x4t8b3c5wz"
READY = Picture(
    "ready", "Ваш чек", "Your receipt", product="Капучино", amount="125,10 ₽", link=LINK
)
IDLE = Picture("idle", "Выберите напиток", "Choose a drink", hint="После покупки здесь…")


@dataclass
class Glass:
    """What Epson's manual says a DM-D does with what it is sent, on the far end of a pty."""

    path: Path
    controller: int = -1
    page: int | None = None
    cells: list[bytearray] = field(default_factory=list)
    resets: int = 0
    column: int = 0
    row: int = 0
    raw: bytes = b""

    def plug(self) -> None:
        self.controller, line = os.openpty()
        tty.setraw(line)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(line))
        os.close(line)
        os.set_blocking(self.controller, False)

    def unplug(self) -> None:
        os.close(self.controller)
        self.controller = -1
        self.path.unlink()

    def look(self) -> list[str]:
        """Take what has come, and say what stands in the two rows."""
        while self.controller >= 0 and select.select([self.controller], [], [], 0)[0]:
            try:
                self.raw += os.read(self.controller, 4096)
            except OSError:
                break
        while self.raw and self._step():
            pass
        return [row.decode("cp866") for row in self.cells]

    def _step(self) -> bool:
        raw = self.raw
        lengths = {b"\x1b@": 2, b"\x1bt": 3, b"\x1f$": 4, b"\x1fC": 3}
        length = lengths.get(raw[:2], 1)
        if len(raw) < length or raw in {b"\x1b", b"\x1f"}:
            return False
        command, self.raw = raw[:length], raw[length:]
        if command[:2] == b"\x1b@":
            self.resets += 1
        elif command[:2] == b"\x1bt":
            self.page = command[2]
        elif command[:2] == b"\x1f$":
            self.column, self.row = command[2] - 1, command[3] - 1
        elif command == b"\x0c":
            self.cells = [bytearray(b" " * 20) for _ in range(2)]
            self.column = self.row = 0
        elif command[0] >= 0x20:
            self.cells[self.row][self.column] = command[0]
            self.column += 1
            if self.column == 20:  # it goes on in the next row, as in its overwrite mode
                self.column, self.row = 0, (self.row + 1) % 2
        return True


@pytest.fixture
def glass(tmp_path: Path) -> Iterator[Glass]:
    made = Glass(tmp_path / "pole")
    made.plug()
    yield made
    if made.controller >= 0:
        os.close(made.controller)


async def test_the_buyer_sees_what_was_bought_and_how_to_find_the_receipt(glass: Glass) -> None:
    display, seen = Pole(str(glass.path)), list[str]()
    assert display.panel is None
    display.show(READY, seen.append)
    await until(lambda: seen)
    await until(lambda: glass.look() == ["Капучино 125,10 руб.", "Код K7Q2M9X4T8B3C5WZ"])
    assert (glass.page, glass.resets) == (17, 1)
    display.show(IDLE, seen.append)
    await until(lambda: glass.look() == ["Выберите напиток    ", "Choose a drink      "])
    await until(lambda: len(set(seen)) == 2)
    display.close()
    await until(lambda: glass.look() == [" " * 20] * 2)


async def test_a_display_that_was_unplugged_shows_the_next_picture_when_it_is_back(
    glass: Glass, caplog: pytest.LogCaptureFixture
) -> None:
    display, seen = Pole(str(glass.path)), list[str]()
    display.show(READY, seen.append)
    await until(lambda: seen)
    glass.unplug()
    display.show(IDLE, seen.append)
    await until(lambda: caplog.records)
    assert len(seen) == 1
    glass.plug()
    display.show(READY, seen.append)
    await until(lambda: glass.look() == ["Капучино 125,10 руб.", "Код K7Q2M9X4T8B3C5WZ"])
    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith("display pole: ")
    display.close()


async def test_a_display_that_was_plugged_elsewhere_meanwhile_misses_nothing(
    glass: Glass, caplog: pytest.LogCaptureFixture
) -> None:
    display, seen = Pole(str(glass.path)), list[str]()
    glass.unplug()
    glass.plug()
    display.show(READY, seen.append)
    await until(lambda: seen)
    await until(lambda: glass.look() == ["Капучино 125,10 руб.", "Код K7Q2M9X4T8B3C5WZ"])
    assert caplog.records == []
    display.close()


def test_a_port_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"display pole: .*none cannot be opened.*by-id.*dialout"):
        Pole(str(tmp_path / "none"))


async def test_a_display_may_be_left_at_its_own_code_page(glass: Glass) -> None:
    display = Pole(str(glass.path), code_page=None, encoding="cp1251")
    display.show(IDLE, lambda _: None)
    await until(
        lambda: glass.look() and glass.cells[0].decode("cp1251").strip() == "Выберите напиток"
    )
    assert glass.page is None
    display.close()


@pytest.mark.parametrize(
    ("picture", "rows"),
    [
        (READY, ["Капучино 125,10 руб.", "Код K7Q2M9X4T8B3C5WZ"]),
        (
            Picture("refused", "Чек не оформлен", "", product="Чай", amount="90,00 ₽"),
            ["Чай       90,00 руб.", "Чек не оформлен     "],
        ),
        (
            Picture("ready", "Ваш чек", "", product="Горячий шоколад", amount="1 250,00 ₽"),
            ["Горячи 1 250,00 руб.", "Ваш чек             "],
        ),
        (
            Picture("ready", "Ваш чек", "", amount="90,00 ₽", link="https://e.ru/r/7KQ2"),
            ["90,00 руб.          ", "Чек: 7KQ2           "],
        ),
        (
            Picture("ready", "Ваш чек", "", amount="90,00 ₽", link=f"https://ofd.ru/{'9' * 40}"),
            ["90,00 руб.          ", "Ваш чек             "],
        ),
        (
            Picture("offline", "Чеки придут позже: нет связи", "Receipts will come later"),
            ["Чеки придут позже:  ", "нет связи           "],
        ),
        (
            Picture("notice", "Автомат на обслуживании до трёх часов", ""),
            ["Автомат на          ", "обслуживании до трёх"],
        ),
    ],
)
def test_two_rows_of_twenty_say_the_most_important(picture: Picture, rows: list[str]) -> None:
    assert rows == rows_of(picture, 20, 2)


@pytest.mark.parametrize(
    ("amount", "when", "first"),
    [
        ("90,00 ₽", "18:42", "18:42 К   90,00 руб."),
        ("90,00 ₽", "раньше", "раньше К  90,00 руб."),
        ("90,00 ₽", "5 мин назад", "5 мин назад         "),
        ("", "18:42", "18:42 К             "),
        ("1 250,00 ₽", "18:42", "18:42  1 250,00 руб."),
    ],
)
def test_a_receipt_that_comes_late_says_of_when_it_is_also_on_two_rows(
    amount: str, when: str, first: str
) -> None:
    late = replace(
        READY, title=f"Чек покупки: {when}", product="К", amount=amount, when=when, late=True
    )
    rows = rows_of(late, 20, 2)
    assert rows[0].startswith(when)
    assert rows == [first, "Код K7Q2M9X4T8B3C5WZ"]


def test_on_one_row_a_late_receipt_is_told_from_the_next_buyer_s_too() -> None:
    late = replace(READY, title="Чек за 18:42", when="18:42", late=True)
    assert rows_of(late, 16, 1)[0].startswith("18:42 ")
    assert rows_of(replace(late, when=""), 16, 1) == ["Чек за 18:42    "]


def test_more_rows_say_more() -> None:
    assert rows_of(READY, 24, 4) == [
        "Ваш чек".ljust(24),
        "Капучино     125,10 руб.",
        "Чек: K7Q2M9X4T8B3C5WZ".ljust(24),
        " " * 24,
    ]


@pytest.mark.parametrize(("columns", "rows"), [(8, 1), (16, 1), (20, 2), (20, 4), (40, 2)])
@pytest.mark.parametrize("picture", [READY, IDLE])
def test_rows_are_exactly_as_many_and_as_long_as_the_glass(
    picture: Picture, columns: int, rows: int
) -> None:
    said = rows_of(picture, columns, rows)
    assert [len(row) for row in said] == [columns] * rows


def test_signs_that_the_display_lacks_are_written_with_others_and_none_commands_it() -> None:
    assert plain("«Чай» — 10 000,00 ₽…") == '"Чай" - 10 000,00 руб....'
    assert plain("Чай\x1b@\x0c\x1f") == "Чай@"
