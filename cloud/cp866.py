"""The letters of a cash register: every text of a receipt is written in code page 866 (FFD).

What is not in it would be dropped or turned into question marks by somebody else; here it becomes
the nearest that is, before the receipt is frozen.
"""

import unicodedata
from typing import Final

_NEAREST: Final = str.maketrans(
    {
        **dict.fromkeys("«»„“”‟‹›″", '"'),
        **dict.fromkeys("‘’‚‛′´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "\N{FRACTION SLASH}": "/",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{RUBLE SIGN}": "р.",
        "\N{BULLET}": "\N{MIDDLE DOT}",
    }
)
"""Where Unicode's own decomposition does not know the nearest. The ellipsis is left to it."""


def fits(text: str) -> bool:
    """Whether a register can print it as it stands."""
    return text.isprintable() and _encodes(text)


def normalised(text: str) -> str:
    """The text in the register's letters: quotes and dashes plain, one space between words.

    Accents that it has no letter for are taken off, signs without anything near (emoji) left out.
    Normalising again changes nothing.
    """
    composed = unicodedata.normalize("NFC", text).translate(_NEAREST)
    letters = "".join(each if fits(each) else _taken_apart(each) for each in composed)
    return " ".join(letters.split())


def _taken_apart(letter: str) -> str:
    if letter.isspace():
        return " "
    parts = unicodedata.normalize("NFKD", letter).translate(_NEAREST)
    return "".join(part for part in parts if fits(part))


def _encodes(text: str) -> bool:
    try:
        text.encode("cp866")
    except UnicodeEncodeError:
        return False
    return True
