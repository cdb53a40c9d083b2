"""``operator``, ``register``, ``product``, ``planogram``, ``machine`` as parsers; loads no store."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cloud.books import values
from cloud.books.kinds import KINDS, POLICIES, SHELF, Column, Kind
from cloud.books.needed import EXPLAINED, NEEDED

Add = Callable[..., argparse.ArgumentParser]
_Deeds = Any
"""What argparse calls a group of sub-commands."""

_HELP: Final = {
    "operator": "whose machines they are: companies and sole traders",
    "register": "accounts of cash registers at providers",
    "product": "what is sold, as it stands on the receipt",
    "planogram": "which product is in which slot",
    "machine": "where machines stand, and what serves them",
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "operator": """\
  python -m cloud operator add coffee --name 'ООО «Кофе на ходу»' --inn 7708806062 \\
      --taxation usn_income --email checks@coffee.example
  python -m cloud operator add coffee --late correction --late-after-h 48
  python -m cloud operator add coffee --unset late
  python -m cloud operator list""",
    "register": """\
  python -m cloud register add main --provider komtet --set shop_id=1041 --set queue=7 \\
      --set secret_file=/etc/chekomat/komtet.secret
  python -m cloud register add main --settings main.toml
  python -m cloud register list
  python -m cloud register pause main 'the fiscal drive is changed today'
  python -m cloud register resume main
  python -m cloud register restored main""",
    "product": """\
  python -m cloud product add cappuccino --name 'Капучино 200 мл' --vat standard
  python -m cloud product add water --name 'Вода 0,5 л' --marking gtin_vend --gtin 4600439931256
  python -m cloud product import --template > products.csv
  python -m cloud product import products.xlsx --dry-run""",
    "planogram": """\
  python -m cloud planogram add hot
  python -m cloud planogram set hot 0001 cappuccino --price-min 100 --price-max 250.50
  python -m cloud planogram set hot 1 tea --from 2026-12-01
  python -m cloud planogram show hot
  python -m cloud planogram remove hot 0001
  python -m cloud planogram import slots.csv --dry-run""",
    "machine": """\
  python -m cloud machine add vm-000123 --register main --planogram hot \\
      --address 'г. Москва, ул. Примерная, д. 1' --place 'ТЦ «Ромашка», 1 этаж'
  python -m cloud machine add vm-000123 --no-cash --late correction
  python -m cloud machine list --register main
  python -m cloud machine import --template > machines.csv
  python -m cloud machine import machines.csv --dry-run""",
}
_FILES: Final = """\

A file is CSV (commas or semicolons) or XLSX, its first row names the columns, in English or in
Russian. {empty}
Nothing is written unless every row is right.

columns:
"""
_EMPTY: Final = "An empty cell says nothing, and leaves what is there."
_EMPTY_OF_SLOT: Final = "A row is all that is said of a slot from its day on, empty cells too."
_ADD: Final = "\nOf what exists already, only what is said changes.\n"


def add_books(add: Add, config: Path) -> None:
    """The five parsers; `add` makes a command's parser, `config` is where the file is by default."""
    for word, kind in KINDS.items():
        parser = add(word, help=_HELP[word])
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = f"examples:\n{_EXAMPLES[word]}\n"
        deeds = parser.add_subparsers(dest="deed", required=True, metavar="DEED")
        looking = argparse.ArgumentParser(add_help=False)
        looking.add_argument(
            "--config", type=Path, default=config, metavar="FILE", help="default: %(default)s"
        )
        if word != "operator":
            looking.add_argument(
                "--operator", type=reads(values.name), metavar="NAME",
                help="whose; may be left out where there is only one",
            )  # fmt: skip
        writing = argparse.ArgumentParser(add_help=False, parents=[looking])
        writing.add_argument(
            "--who", metavar="NAME", help="who changes it; default: the login name"
        )
        _add_common(deeds, kind, looking, writing)
        _MORE.get(word, _nothing_more)(deeds, writing)


def _add_common(
    deeds: _Deeds,
    kind: Kind,
    looking: argparse.ArgumentParser,
    writing: argparse.ArgumentParser,
) -> None:
    word = kind.word
    add = _deed(deeds, "add", "add one, or change one", writing, word, _ADD)
    _add_name(add, kind)
    for column in kind.columns:
        if column.name not in {"id", "operator"} and column not in POLICIES:
            _add_option(add, column)
    policies = [column for column in kind.columns if column in POLICIES]
    if policies:
        _add_policies(add, policies)
    listing = _deed(deeds, "list", "all of them", looking, word)
    listing.add_argument("--json", action="store_true", help="for programs; amounts are kopecks")
    if word == "machine":
        for name in ("register", "planogram"):
            listing.add_argument(f"--{name}", metavar="NAME", help="only those of it")
    show = _deed(deeds, "show", "one of them, as a whole", looking, word)
    _add_name(show, kind)
    show.add_argument("--json", action="store_true", help="for programs; amounts are kopecks")
    remove = _deed(deeds, "remove", "take one away that is not used", writing, word)
    _add_name(remove, kind)
    columns = SHELF.columns if word == "planogram" else kind.columns
    _add_import(deeds, word, columns, writing)


def _add_name(parser: argparse.ArgumentParser, kind: Kind) -> None:
    column = kind.columns[0]
    metavar = "ID" if kind.word == "machine" else "NAME"
    parser.add_argument("id", type=reads(column.read), metavar=metavar, help=column.says)


def _add_policies(parser: argparse.ArgumentParser, columns: Sequence[Column]) -> None:
    group = parser.add_argument_group(
        "policies", "of an operator, or of one machine where it differs"
    )
    for column in columns:
        _add_option(group, column)
    group.add_argument(
        "--unset", action="append", default=[], metavar="POLICY", type=_policy,
        help=f"nothing is said of it any more: {', '.join(column.name for column in columns)}",
    )  # fmt: skip


def _add_option(parser: Any, column: Column, flag: str = "") -> None:  # noqa: ANN401, a parser or a group
    flag = flag or f"--{column.name.replace('_', '-')}"
    if column.switch:
        parser.add_argument(
            flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS,
            dest=column.name, help=column.says,
        )  # fmt: skip
        return
    parser.add_argument(
        flag, type=reads(column.read), default=argparse.SUPPRESS, dest=column.name,
        metavar=column.metavar, help=column.says.replace("%", "%%"),
    )  # fmt: skip


def _add_import(
    deeds: _Deeds, word: str, columns: Sequence[Column], writing: argparse.ArgumentParser
) -> None:
    told = "".join(f"  {column.name:15}{column.says}{_russian(column)}\n" for column in columns)
    files = _FILES.format(empty=_EMPTY_OF_SLOT if word == "planogram" else _EMPTY)
    if word == "register":
        told += "  and every key of the provider's settings, such as secret_file\n"
    parser = _deed(
        deeds, "import", "take many from a CSV or XLSX file", writing, word, files + told
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    parser.add_argument(
        "--dry-run", action="store_true",
        help="write nothing: say all that is wrong, or what would be new and changed",
    )  # fmt: skip
    parser.add_argument("--template", action="store_true", help="print an example of a file")


def _russian(column: Column) -> str:
    return f" ({column.also[0]})" if column.also else ""


def _more_of_register(deeds: _Deeds, writing: argparse.ArgumentParser) -> None:
    add = deeds.choices["add"]
    add.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="a key of the provider's settings; a secret is the name of a file: secret_file=…",
    )  # fmt: skip
    add.add_argument("--settings", type=Path, metavar="FILE.toml", help="the same, from a file")
    add.add_argument(
        "--unset", action="append", default=[], metavar="KEY", help="a key that is said no more"
    )
    needed = "".join(f"  {name:12}{', '.join(keys)}\n" for name, keys in NEEDED.items())
    add.epilog = (
        f"{add.epilog}\nkeys that have to be said (--set), by provider:\n{needed}"
        f"\nEvery key, what it is and its default: {EXPLAINED}\n"
    )
    pause = _deed(deeds, "pause", "send it nothing until it is resumed", writing, "register")
    pause.add_argument("id", type=reads(values.name), metavar="NAME")
    pause.add_argument("reason", metavar="REASON", help="whoever looks at the list reads it")
    resume = _deed(deeds, "resume", "send to it again, whatever held it", writing, "register")
    resume.add_argument("id", type=reads(values.name), metavar="NAME")
    restored = _deed(
        deeds,
        "restored",
        "the database was restored: what waits may have been sent, and a person looks first",
        writing,
        "register",
    )
    restored.add_argument("id", type=reads(values.name), metavar="NAME")


def _more_of_planogram(deeds: _Deeds, writing: argparse.ArgumentParser) -> None:
    by_name = {column.name: column for column in SHELF.columns}
    put = _deed(deeds, "set", "what is in a slot", writing, "planogram", _SET)
    for name in ("planogram", "slot", "product"):
        column = by_name[name]
        put.add_argument(name, type=reads(column.read), metavar=name.upper(), help=column.says)
    for name, flag in _DAYS.items():
        _add_option(put, by_name[name], flag)
    for name in ("price_min", "price_max"):
        _add_option(put, by_name[name])
    remove = deeds.choices["remove"]
    remove.add_argument(
        "slot", nargs="?", type=reads(values.slot), metavar="SLOT", help="only what is in it"
    )
    remove.add_argument(
        "--from", dest="valid_from", type=reads(values.day), metavar="DAY",
        help="only what was put into the slot from that day on",
    )  # fmt: skip


_DAYS: Final = {"valid_from": "--from", "valid_until": "--until"}
_SET: Final = """
Where --from is not said: what comes into an empty slot was always in it; another product is in it
from today on, by Moscow's day; of the same product only what is said changes. `none` takes an end
or a limit away.
"""


def _nothing_more(_: _Deeds, __: argparse.ArgumentParser) -> None:
    """The other kinds have no deeds of their own."""


_MORE: Final = {"register": _more_of_register, "planogram": _more_of_planogram}


def _deed(  # noqa: PLR0917, a deed has so many sides
    deeds: _Deeds,
    name: str,
    says: str,
    shared: argparse.ArgumentParser,
    word: str,
    more: str = "",
) -> argparse.ArgumentParser:
    lines = _EXAMPLES[word].split("\n  python")
    mine = [
        each.removeprefix("  python")
        for each in lines
        if each.removeprefix("  python").startswith(f" -m cloud {word} {name}")
    ]
    examples = "".join(f"  python{each}\n" for each in mine)
    parser: argparse.ArgumentParser = deeds.add_parser(
        name,
        help=says,
        description=says,
        parents=[shared],
        epilog=f"{f'examples:{chr(10)}{examples}' if mine else ''}{more}" or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def reads(read: values.Read) -> Callable[[str], Any]:
    """A reader of values as argparse wants one: its words are told."""

    def reading(text: str) -> Any:  # noqa: ANN401, of any column
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reading


def _policy(text: str) -> str:
    names = {column.name: column.path[-1] for column in POLICIES}
    try:
        return names[text.replace("-", "_")]
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no policy; expected one of {', '.join(names)}"
        ) from None
