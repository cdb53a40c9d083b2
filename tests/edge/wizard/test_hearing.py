import io

import pytest

from edge.checks import as_is
from edge.checks.bus import Hearing, Voice
from edge.technician.words import Language
from edge.wizard.hearing import tell
from edge.wizard.person import Person
from mdb.scaling import Scaling

WELL = Hearing(
    "qibixx:/p",
    5.0,
    bytes=2000,
    polls=200,
    exchanges=210,
    voices=(
        Voice("changer", 100, 0),
        Voice("cashless 1", 100, 100, Scaling(10, 2, "RUB")),
        Voice("C0", 10, 10),
    ),
    sales=1,
    faults=2,
)


def told(heard: Hearing, language: Language) -> tuple[bool, str]:
    out = io.StringIO()
    well = tell(heard, Person(language, asks=False, out=out))
    return well, out.getvalue()


def test_a_machine_is_described_in_russian() -> None:
    assert told(WELL, "ru") == (
        True,
        (
            "Слышно: 400 байт/с, автомат опросил устройства 200 раз.\n"
            "Отвечают: картридер 1, C0.\n"
            "Не отвечают: монетоприёмник.\n"
            "Деньги: картридер 1 считает по 0.10 RUB.\n"
            "Продажи за это время: 1.\n"
            "Искажённых блоков: 2.\n"
        ),
    )


@pytest.mark.parametrize(
    ("heard", "well", "words"),
    [
        (Hearing("qibixx:/p", 5.0), False, "Silence. Is the machine on"),
        (Hearing("qibixx:/p", 5.0), False, "python -m mdb wiring qibixx"),
        (Hearing("x", 5.0, told=("/p is lost",)), False, "The port: /p is lost"),
        (
            Hearing("x", 5.0, bytes=900, exchanges=9, doubt=as_is("pins 4 and 5 are swapped")),
            False,
            "wrong wires: pins 4 and 5",
        ),
        (
            Hearing(
                "x", 5.0, bytes=9, exchanges=9, voices=(Voice("changer", 9, 0),), vmc_only=True
            ),
            True,
            "The machine speaks to: coin changer.",
        ),
        (Hearing("x", 5.0, bytes=9, exchanges=9), True, "switched off and on"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_check(heard: Hearing, well: bool, words: str) -> None:  # noqa: FBT001
    sounds, said = told(heard, "en")
    assert sounds is well
    assert words in said
