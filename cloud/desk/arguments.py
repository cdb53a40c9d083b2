"""The desk's commands as parsers; loads nothing that another command has no use for."""

import argparse
import getpass
import os
from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path
from typing import Any, Final

Add = Callable[..., argparse.ArgumentParser]
Run = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]

SALE: Final = """\
examples:
  python -m cloud sale show 0193a5d2-7c1e-7b54-9d0e-2f6f0a9c1b11
  python -m cloud sale show k7q2m9x4t8b3c5wz              by the token of its receipt page
  python -m cloud sale show 0193a5d2 --json
"""
ATTENTION: Final = """\
examples:
  python -m cloud attention
  python -m cloud attention --machine vm-000123 --all
  python -m cloud attention --cause late --json | jq '.items[].sale_id'
"""
REQUEUE: Final = """\
examples:
  python -m cloud requeue 0193a5d2 --amount 120.00         the bus did not say the amount
  python -m cloud requeue 0193a5d2                         refused; what was wrong is mended
  python -m cloud requeue 0193a5d2 --register spare        to another register
  python -m cloud requeue --cause late --late correction --dry-run
  python -m cloud requeue --cause refused --machine vm-000123
"""
RESOLVE: Final = """\
examples:
  python -m cloud resolve 0193a5d2 --issued 't=20261125T1542&s=120.00&fn=9999078900000000&i=12345&fp=1234567890&n=1'
  python -m cloud resolve 0193a5d2 --not-issued            looked for in the provider's cabinet
  python -m cloud resolve 0193a5d2-7c1e-7b54-9d0e-5f3a2b1c4d6e-1 --not-issued    and of a later key
  python -m cloud resolve 0193a5d2 --skip "a technician's test"
  python -m cloud resolve 0193a5d2 --undone "returned in the provider's cabinet"
"""
RETURN: Final = """\
examples:
  python -m cloud return 0193a5d2 --dry-run
  python -m cloud return 0193a5d2                          the goods came back
  python -m cloud return 0193a5d2 --duplicate              undo a second document
"""
CORRECT: Final = """\
examples:
  python -m cloud correct 0193a5d2
  python -m cloud correct 0193a5d2 --by-order 12-34/567
"""
CHECK: Final = """\
examples:
  python -m cloud check
  python -m cloud check main --json

Exit status: 0 all is well (or only warned of), 1 something is wrong, 2 the settings are.
"""
RECONCILE: Final = """\
examples:
  python -m cloud reconcile --day 2026-11-25
  python -m cloud reconcile --day 2026-11-25 --operator acme --all
  python -m cloud reconcile --day 2026-11-25 --ask --json

Exit status: 0 every difference is explained, 1 some are not.
"""
PURPOSES: Final = ("income", "income_return", "correction")


def add_desk(add: Add, config: Path) -> None:
    """The parsers of all of them; `add` makes a command's parser."""
    for make in (_sale, _attention, _requeue, _resolve, _return, _correct, _check, _reconcile):
        make(add, config)


def _sale(add: Add, config: Path) -> None:
    parser = add("sale", help="what is known of one sale")
    parser.epilog = SALE
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="DEED")
    show = deeds.add_parser("show", help="all of it, with its history")
    _name(show)
    _shared(show, config, json=True)
    show.set_defaults(run=_running("show"))


def _attention(add: Add, config: Path) -> None:
    parser = add("attention", help="what needs a hand, why, and since when")
    parser.epilog = ATTENTION
    parser.add_argument("--machine", metavar="M")
    parser.add_argument("--cause", metavar="C", help="refused, unknown, late, amount, …")
    parser.add_argument("--all", action="store_true", help="all of them, not the oldest alone")
    _shared(parser, config, json=True)
    parser.set_defaults(run=_running("attention"))


def _requeue(add: Add, config: Path) -> None:
    parser = add("requeue", help="answer what a sale is asked, or send a receipt anew")
    parser.epilog = REQUEUE
    parser.add_argument("sale", nargs="?", metavar="SALE", help="its id, or the beginning of it")
    many = parser.add_argument_group("many at once")
    many.add_argument("--cause", metavar="C", help="all that need a hand for this cause")
    many.add_argument("--machine", metavar="M", help="… of one machine")
    said = parser.add_argument_group("answers")
    said.add_argument("--amount", metavar="ROUBLES", help="what was paid, such as 120.00")
    said.add_argument("--price", action="store_true", help="the price is right")
    said.add_argument("--presumed", action="store_true", help="the sale did take place")
    said.add_argument("--late", choices=["receipt", "correction"], help="what a late sale gets")
    said.add_argument("--product", metavar="P", help="what was sold")
    said.add_argument("--code", default="", metavar="CODE", help="the piece's marking code")
    said.add_argument("--of", default="", metavar="SALE", help="the sale whose goods came back")
    where = parser.add_argument_group("a receipt")
    where.add_argument("--register", metavar="R", help="send it to another register")
    where.add_argument("--purpose", choices=PURPOSES, help="which of a sale's receipts")
    _shared(parser, config)
    _decided(parser)
    parser.set_defaults(run=_running("requeue"))


def _resolve(add: Add, config: Path) -> None:
    parser = add("resolve", help="say what became of a receipt in doubt, or that there is none")
    parser.epilog = RESOLVE
    _name(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--issued", metavar="QR_TEXT", help="this is its document")
    what.add_argument("--not-issued", action="store_true", help="the provider has none")
    what.add_argument("--skip", metavar="REASON", help="there is to be no receipt")
    what.add_argument("--undone", metavar="REASON", help="its second document needs no hand")
    parser.add_argument("--other-sum", action="store_true", help="though its sum differs")
    parser.add_argument("--second", action="store_true", help="beside the one that is on record")
    parser.add_argument(
        "--insist", action="store_true", help="though its day or its drive speak against it"
    )
    parser.add_argument("--purpose", choices=PURPOSES, help="which of the sale's receipts")
    _shared(parser, config)
    _decided(parser)
    parser.set_defaults(run=_running("resolve"))


def _return(add: Add, config: Path) -> None:
    parser = add("return", help="return the receipt of a sale, whole")
    parser.epilog = RETURN
    _name(parser)
    parser.add_argument(
        "--duplicate", action="store_true", help="its second document; the sale stays as it is"
    )
    _shared(parser, config)
    _decided(parser)
    parser.set_defaults(run=_running("return"))


def _correct(add: Add, config: Path) -> None:
    parser = add("correct", help="a correction receipt for a sale that has none")
    parser.epilog = CORRECT
    _name(parser)
    parser.add_argument("--by-order", metavar="NUMBER", help="of the tax service; default: by you")
    parser.add_argument(
        "--day", type=_day, metavar="YYYY-MM-DD", help="of the sale; default: as it was told"
    )
    _shared(parser, config)
    _decided(parser)
    parser.set_defaults(run=_running("correct"))


def _check(add: Add, config: Path) -> None:
    parser = add("check", help="ask the providers about credentials and registers")
    parser.epilog = CHECK
    parser.add_argument("register", nargs="?", metavar="REGISTER", help="default: all of them")
    _shared(parser, config, json=True)
    parser.set_defaults(run=_running("check"))


def _reconcile(add: Add, config: Path) -> None:
    parser = add("reconcile", help="a day's sales, receipts and documents, held together")
    parser.epilog = RECONCILE
    parser.add_argument("--day", type=_day, required=True, metavar="YYYY-MM-DD")
    parser.add_argument("--operator", metavar="O", help="default: all of them")
    parser.add_argument("--ask", action="store_true", help="ask the providers about each receipt")
    parser.add_argument("--all", action="store_true", help="every difference, the explained too")
    _shared(parser, config, json=True)
    parser.set_defaults(run=_running("reconcile"))


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sale", metavar="SALE", help="its id, the beginning of it, or its page's token"
    )


def _shared(parser: argparse.ArgumentParser, config: Path, *, json: bool = False) -> None:
    parser.add_argument(
        "--config", type=Path, default=config, metavar="FILE", help="default: %(default)s"
    )
    if json:
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")


def _decided(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--who", default=_login(), metavar="NAME", help="who decides; default: %(default)s"
    )
    parser.add_argument("--dry-run", action="store_true", help="try it, and change nothing")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


def _running(name: str) -> Run:
    def run(arguments: argparse.Namespace) -> Coroutine[Any, Any, int]:
        from cloud.desk.asked import RUN  # noqa: PLC0415, each command imports what it needs

        return RUN[name](arguments)

    return run


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day, such as 2026-11-25") from None
