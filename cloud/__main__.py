"""The fiscaliser on the command line: ``python -m cloud serve | machine | attention | …``."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from cloud.errors import CloudError, ConfigError, the_first
from cloud.stopping import run

CONFIG: Final = Path("/etc/chekomat/cloud.toml")
EXAMPLES = """\
examples:
  python -m cloud serve --config /etc/chekomat/cloud.toml
  python -m cloud operator add coffee --name 'ООО «Кофе»' --inn 7708806062 --taxation usn_income
  python -m cloud attention
  python -m cloud reconcile --day 2026-11-25
  python -m cloud tell vm-000123 capture --minutes 5 --output bus.mdb.gz
  python -m cloud wish vm-000123 wish.toml
  python -m cloud migrate --config /etc/chekomat/cloud.toml
  python -m cloud emulate cloudkassir --webhook http://127.0.0.1:8080/hook/main
  python -m cloud demo --sales 20
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done or stopped when told to, 1 a fault, 2 a mistake in what was asked."""
    arguments = _parser().parse_args(argv)
    _log(verbose=arguments.verbose)
    try:
        # The demo has processes to end, and a command tells what became of it.
        return run(arguments.run(arguments), by_force=arguments.command == "serve")
    except (CloudError, ExceptionGroup) as error:
        ours = the_first(error)
        if ours is None:
            raise
        print(f"chekomat-cloud: {ours}", file=sys.stderr)
        return 2 if isinstance(ours, ConfigError) else 1


async def _serve(arguments: argparse.Namespace) -> int:
    from cloud.app import serve  # noqa: PLC0415, each command imports what it needs
    from cloud.config import load  # noqa: PLC0415
    from cloud.roles import ROLES, roles_of  # noqa: PLC0415

    roles = roles_of(arguments.role) if arguments.role else ROLES
    await serve(load(arguments.config), roles)
    return 0


async def _migrate(arguments: argparse.Namespace) -> int:
    from cloud.config import load  # noqa: PLC0415
    from cloud.store import Store  # noqa: PLC0415

    store = await Store.open(load(arguments.config).database)
    await store.close()
    print(f"{store.address}: the schema is up to date")
    return 0


async def _emulate(arguments: argparse.Namespace) -> int:
    from cloud.emulators.serve import serve  # noqa: PLC0415

    await serve(arguments)
    return 0


async def _demo(arguments: argparse.Namespace) -> int:
    from cloud.demo import demo  # noqa: PLC0415

    return await demo(arguments.sales, arguments.broker)


async def _books(arguments: argparse.Namespace) -> int:
    from cloud.books.desk import kept  # noqa: PLC0415

    return await kept(arguments, print, _note)


async def _tell(arguments: argparse.Namespace) -> int:
    from cloud.orders.asked import told  # noqa: PLC0415

    return await told(arguments, print, _note)


async def _wish(arguments: argparse.Namespace) -> int:
    from cloud.orders.asked import wished  # noqa: PLC0415

    return await wished(arguments, print)


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = _command(
        argparse.ArgumentParser,
        prog="python -m cloud",
        description="Sales in, fiscal receipts out.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = _command(commands.add_parser, "serve", help="run the fiscaliser")
    serve.add_argument(
        "--config", type=Path, default=CONFIG, metavar="FILE", help="default: %(default)s"
    )
    serve.add_argument(
        "--role",
        metavar="ROLES",
        help="some of inbox,replies,fiscalizer,web, beside other processes; default: all of them",
    )
    serve.set_defaults(run=_serve)
    _add_orders(commands)
    _add_books(commands)
    _add_desk(commands)
    migrate = _command(commands.add_parser, "migrate", help="bring the database up to date")
    migrate.add_argument(
        "--config", type=Path, default=CONFIG, metavar="FILE", help="default: %(default)s"
    )
    migrate.set_defaults(run=_migrate)
    _add_emulate(commands)
    demo = _command(commands.add_parser, "demo", help="everything, here and now, without a machine")
    demo.add_argument("--sales", type=_count, metavar="N", help="sell by itself, sum up, end")
    demo.add_argument(
        "--broker",
        choices=["mosquitto", "amqtt"],
        help="default: mosquitto where it is installed, else amqtt",
    )
    demo.set_defaults(run=_demo)
    return parser


def _add_orders(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from cloud.orders.arguments import add_tell, add_wish  # noqa: PLC0415

    def add(name: str, **how: str) -> argparse.ArgumentParser:
        parser = _command(commands.add_parser, name, **how)
        parser.set_defaults(run={"tell": _tell, "wish": _wish}[name])
        return parser

    add_tell(add, CONFIG)
    add_wish(add, CONFIG)


def _add_books(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from cloud.books.arguments import add_books  # noqa: PLC0415

    def add(name: str, **how: str) -> argparse.ArgumentParser:
        parser = _command(commands.add_parser, name, **how)
        parser.set_defaults(run=_books)
        return parser

    add_books(add, CONFIG)


def _add_desk(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from cloud.desk.arguments import add_desk  # noqa: PLC0415

    def add(name: str, **how: str) -> argparse.ArgumentParser:
        return _command(commands.add_parser, name, **how)

    add_desk(add, CONFIG)


def _add_emulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from cloud.emulators.arguments import add_emulate  # noqa: PLC0415

    def add(name: str, **how: str) -> argparse.ArgumentParser:
        return _command(commands.add_parser, name, **how)

    add_emulate(add).set_defaults(run=_emulate)


def _command(make: Any, *names: str, **how: Any) -> argparse.ArgumentParser:  # noqa: ANN401, argparse's two doors
    parser: argparse.ArgumentParser = make(
        *names, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, **how
    )
    # Said before the command or after it: neither forgets the other.
    unsaid: Any = False if "prog" in how else argparse.SUPPRESS
    parser.add_argument(
        "--verbose", action="store_true", default=unsaid, help="log each sale and receipt"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of sales; expected 1 or more")
    return int(text)


def _log(*, verbose: bool) -> None:
    """One line an event, to standard error; libraries only when something is wrong."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
