"""Displays and printers as answers: ``kind,key=value,…`` on the command line, or asked for.

Nothing here knows a kind by name: kinds, keys and their meaning come from the configuration's own
tables, so a new display is offered as soon as it can be configured.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from msgspec import Struct, inspect

from edge.checks import both
from edge.config import Config, DisplayTable, PrinterTable
from edge.errors import ConfigError
from edge.technician.words import Text
from edge.wire.settings import SettingsError, converted
from edge.wizard.person import WrongAnswerError
from edge.wizard.words import RUSSIAN_KEYS, RUSSIAN_KINDS

Tree = dict[str, Any]
SIZE: Final = ("width", "height")
SIZE_MM: Final = ("width_mm", "height_mm")


@dataclass(frozen=True, slots=True)
class Preset:
    """A common panel: pixels, and millimetres of the lit area."""

    words: str
    width: int
    height: int
    width_mm: float
    height_mm: float


PANELS: Final[Mapping[str, Preset]] = {
    "10in-1280x800": Preset('10.1", 1280 × 800', 1280, 800, 216.9, 135.6),
    "7in-1024x600": Preset('7", 1024 × 600', 1024, 600, 154.2, 85.9),
    "7in-800x480": Preset('7", 800 × 480 (Raspberry Pi Touch Display)', 800, 480, 154.1, 85.9),
    "5in-800x480": Preset('5", 800 × 480', 800, 480, 108.0, 64.8),
    "4.3in-480x272": Preset('4.3", 480 × 272', 480, 272, 95.0, 53.8),
    "3.5in-480x320": Preset('3.5", 480 × 320 (SPI)', 480, 320, 73.4, 48.9),
    "2.8in-320x240": Preset('2.8", 320 × 240 (SPI)', 320, 240, 57.6, 43.2),
}


def kinds(tables: object) -> dict[str, type[Struct]]:
    """The kinds of a union of tables, by the name in the file."""
    each = get_args(tables) or (tables,)
    return {str(table.__struct_config__.tag): table for table in each}


DISPLAYS: Final = kinds(DisplayTable)
PRINTERS: Final = kinds(PrinterTable)


def words_of(table: type[Struct]) -> Text:
    """What a kind is, in the words of its table; a new one has no Russian yet."""
    paragraph = " ".join((table.__doc__ or "").partition("\n\n")[0].split())
    english = paragraph.rpartition("``: ")[2].replace("`", "").rstrip(".")
    return Text(RUSSIAN_KINDS.get(str(table.__struct_config__.tag), english), english)


def takes_size(table: type[Struct]) -> bool:
    """Whether a display may be described in millimetres."""
    return set(SIZE_MM) <= set(table.__struct_fields__)


def sized(table: type[Struct], size: Tree) -> Tree:
    """Of a size only what this kind of display is told: some ask the kernel for their pixels."""
    return {key: value for key, value in size.items() if key in table.__struct_fields__}


def required(table: type[Struct]) -> dict[str, tuple[Text, str | None]]:
    """Keys that have no default: what each means, and an example."""
    told = inspect.type_info(table)
    asked: dict[str, tuple[Text, str | None]] = {}
    for field in told.fields if isinstance(told, inspect.StructType) else ():
        if not field.required:
            continue
        schema = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else {}
        examples = (schema or {}).get("examples") or [None]
        example = None if examples[0] is None else str(examples[0])
        english = str((schema or {}).get("description", ""))
        key = f"{table.__struct_config__.tag}.{field.encode_name}"
        asked[field.encode_name] = (Text(RUSSIAN_KEYS.get(key, english), english), example)
    return asked


def parse(told: str) -> Tree:
    """Read ``kind,key=value,…``; a value is TOML where it can be, else text.

    Raises:
        WrongAnswerError: it makes no sense.
    """
    kind, *pairs = told.split(",")
    tree: Tree = {"kind": kind.strip()}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise WrongAnswerError(
                both(
                    "{told!r}: непонятно; нужно вроде png,file=x.png,width=480",
                    "{told!r} makes no sense; expected such as png,file=x.png,width=480",
                    told=told,
                )
            )
        tree[key.strip()] = value_of(value)
    return tree


def value_of(text: str) -> object:
    """A typed value: a number, true or false where it is one; else the text."""
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str | list) else text


def with_panel(tree: Tree, panel: str | None) -> Tree:
    """The display with a preset's size, which what was said of it overrides.

    Raises:
        WrongAnswerError: there is no such panel.
    """
    if panel is None:
        return tree
    if panel not in PANELS:
        raise WrongAnswerError(
            both(
                "--panel: панели {panel!r} нет; есть {known}",
                "--panel: no panel is called {panel!r}; known are {known}",
                panel=panel,
                known=", ".join(PANELS),
            )
        )
    preset = PANELS[panel]
    size = {key: getattr(preset, key) for key in (*SIZE, *SIZE_MM)}
    table = DISPLAYS.get(str(tree["kind"]))
    return {**(sized(table, size) if table else {}), **tree}


def display(tree: Tree) -> DisplayTable:
    """The table of a display.

    Raises:
        ConfigError: a key is unknown, missing or out of range.
    """
    return _one("display", tree).display[0]


def printer(tree: Tree) -> PrinterTable:
    """The table of a printer.

    Raises:
        ConfigError: a key is unknown, missing or out of range.
    """
    return _one("printer", tree).printer[0]


def _one(key: str, tree: Tree) -> Config:
    try:
        return converted({"machine": "m", "tap": "t", key: [tree]}, Config, f"--{key}")
    except SettingsError as error:
        raise ConfigError(
            str(error).replace(f"{key}[0].", "").replace(f"{key}[0]: ", "")
        ) from error
