"""The sample: a whole configuration file, written from the tables themselves, so it cannot lie.

A line that begins with ``#`` and no space is a key that is not set; with that sign taken away it
is one. Every key has its description above it, and shows its default, or an example where there is
none. The order is that of the tables; of several kinds the one that is set comes first, each begins
with what is its own, and what they share is explained once.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from textwrap import wrap
from typing import Any, Final

from msgspec import NODEFAULT, Struct, inspect

from edge.config import Config
from edge.wire.settings import alternatives

HEAD: Final = """\
# The machine's side: /etc/chekomat/edge.toml
#
# A line that begins with '#' and no space is a key that is not set; it shows the default, or an
# example where there is none. An unknown key, or a value out of range, stops the agent at its start
# with the key's name. No secret stands in this file.
#
# Made by: python -m edge sample. One with your own answers: python -m edge setup.
"""
SET: Final[Mapping[str, object]] = {
    "broker.host": "mqtt.chek.example",
    "broker.port": 8883,
    "broker.ca": "/etc/chekomat/ca.crt",
    "broker.certificate": "/etc/chekomat/mqtt.crt",
    "broker.key": "/run/credentials/chekomat-edge.service/mqtt.key",
    "receipts.link": "https://chek.example/r/",
}
"""Optional keys that a real machine sets all the same."""
CHOSEN: Final = {"display": "kiosk"}
"""Of the tables that stand for one thing, the kind that is set."""
WIDTH: Final = 100


def sample() -> str:
    """The file's text, ending in a line feed."""
    return "\n".join([HEAD, *_table(Config, "", "", set())]).rstrip("\n") + "\n"


def toml(value: object) -> str:
    """A value as TOML writes it; a table stands in one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # JSON's escapes are TOML's, but for DEL, which only TOML has to escape.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return (
                "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
            )
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(toml(each) for each in value) + "]"
        case _:
            return repr(value)


def _table(kind: type[Struct], path: str, unset: str, explained: set[str]) -> Iterator[str]:
    """A table's own keys, then the tables below it. `unset` is ``#`` where the table is not set."""
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)  # noqa: S101, for the type checker
    below: list[inspect.Field] = []
    for field in sorted(told.fields, key=lambda field: field.name not in kind.__annotations__):
        if _tables(field.type) or _plain(field.type, inspect.DictType):
            below.append(field)
            continue
        description = _description(field.type)
        if f"{field.name}: {description}" not in explained:
            explained.add(f"{field.name}: {description}")
            yield from _comment(description)
        yield from _key(field, f"{path}{field.encode_name}", unset)
        yield ""
    for field in below:
        yield from _part(field, f"{path}{field.encode_name}", unset)


def _key(field: inspect.Field, path: str, unset: str) -> Iterator[str]:
    if path in SET:
        default = "" if field.default in {None, NODEFAULT} else f"Default {toml(field.default)}."
        yield from _comment(default)
        yield f"{unset}{field.encode_name} = {toml(SET[path])}"
    elif field.required:
        yield f"{unset}{field.encode_name} = {toml(_example(field.type))}"
    else:
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        shown = _example(field.type) if default is None else default
        yield f"#{field.encode_name} = {toml(shown)}"


def _part(field: inspect.Field, path: str, unset: str) -> Iterator[str]:
    """What stands below a header of its own."""
    yield f"# --- [{path}] ".ljust(WIDTH - 1, "-")
    yield from _comment(_description(field.type))
    if _plain(field.type, inspect.DictType):
        yield f"{unset}[{path}]"
        example = _example(field.type)
        if isinstance(example, Mapping):
            yield from (f"{unset}{toml(key)} = {toml(each)}" for key, each in example.items())
        yield ""
        return
    yield ""
    many = _plain(field.type, inspect.VarTupleType)
    explained: set[str] = set()
    for each in sorted(_tables(field.type), key=lambda table: table.tag != CHOSEN.get(path)):
        optional = field.default is None or (many and CHOSEN.get(path) != each.tag)
        here = unset or ("#" if optional else "")
        yield from _comment(_opening(each.cls))
        yield f"{here}[[{path}]]" if many else f"{here}[{path}]"
        if each.tag_field:
            yield f"{here}{each.tag_field} = {toml(each.tag)}"
        lines = _table(each.cls, f"{path}.", here, explained)
        yield from (lines if many is None else (line for line in lines if line))
        if many is not None:
            yield ""


def _comment(told: str) -> Iterator[str]:
    """Text as comments: paragraphs are filled anew, what is indented stays as it is."""
    for indented, lines in groupby(told.splitlines(), lambda line: line[:1] in {"", " "}):
        for line in lines if indented else _wrapped(" ".join(lines)):
            yield f"# {line}".rstrip()


def _opening(kind: type[Struct]) -> str:
    """The first paragraph of a table's docstring, without the name of the table before it."""
    paragraph = (kind.__doc__ or "").strip().partition("\n\n")[0]
    head, colon, rest = paragraph.partition("``: ")
    told = rest if colon and head.startswith("``[") else paragraph
    told = " ".join(told.replace("``", "").replace("`", "").split())
    return "" if told.startswith("[[") else told[:1].upper() + told[1:]


def _wrapped(told: str) -> list[str]:
    return wrap(told, WIDTH - 2, break_long_words=False, break_on_hyphens=False)


def _description(kind: inspect.Type) -> str:
    """What `Meta` says of a key, and which values it may have, if they are few and not named yet."""
    described = str(_schema(kind).get("description", "")).strip("\n")
    literal = _plain(kind, inspect.LiteralType)
    values = list(map(str, literal.values)) if isinstance(literal, inspect.LiteralType) else []
    if all(value in described for value in values):
        return described
    return f"{described}\nOne of {', '.join(values)}."


def _example(kind: inspect.Type) -> object:
    """The first example; without one, whatever has the right type."""
    examples = _schema(kind).get("examples")
    if examples:
        return examples[0]
    for each in alternatives(kind):
        match each:
            case inspect.LiteralType():
                return each.values[0]
            case inspect.IntType() | inspect.FloatType():
                return each.ge or 1
            case inspect.BoolType():
                return False
            case inspect.StrType():
                return "…"
    return "…"


def _schema(kind: inspect.Type) -> dict[str, Any]:
    """What `Meta` says of a key; the outermost word counts."""
    if not isinstance(kind, inspect.Metadata):
        return {}
    return _schema(kind.type) | (kind.extra_json_schema or {})


def _plain(kind: inspect.Type, wanted: type[inspect.Type]) -> inspect.Type | None:
    return next((each for each in alternatives(kind) if isinstance(each, wanted)), None)


def _tables(kind: inspect.Type) -> list[inspect.StructType]:
    """The tables that a key may hold, one or many."""
    found = []
    for each in alternatives(kind):
        if isinstance(each, inspect.StructType):
            found.append(each)
        elif isinstance(each, inspect.VarTupleType):
            found += _tables(each.item_type)
    return found
