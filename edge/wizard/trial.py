"""Trials: a test picture on a display, a test slip from a printer. Both say that they are one.

Their code is as large as a fiscal one, so that what is read here is read later too; what a phone
reads in it is a sentence, and no receipt.
"""

import asyncio
from typing import Final

from edge.buyer import qr
from edge.buyer.panel import Panel
from edge.buyer.picture import Picture
from edge.checks import as_is, both
from edge.checks.display import ANOTHER, unlawful
from edge.config import DisplayTable, KioskDisplay, PrinterTable
from edge.errors import EdgeError, StartError
from edge.printers import PrinterLostError
from edge.technician.words import Text
from edge.wizard.person import Person, WrongAnswerError

CONTENT: Final = "CHEKOMAT: ПРОБА, ЭТО НЕ ЧЕК. TEST, THIS IS NO RECEIPT."
PICTURE_S: Final = 3.0
"""How long a picture may take, and stays where nobody is asked whether it is seen."""


def picture() -> Picture:
    """The test picture."""
    return Picture(
        kind="notice",
        title="ПРОБА",
        title_en="TEST",
        product="Это не чек",
        hint="Наведите камеру телефона на код",
        hint_en="Point your camera at the code",
        mark="ПРОБА",
        mark_en="TEST",
        code=qr.encode(CONTENT),
    )


async def show(table: DisplayTable, person: Person, seconds: float = PICTURE_S) -> bool:
    """Show it until the person has said whether it is seen; whether it is.

    Where nobody is asked, it is seen if the display says so within `seconds`.

    Raises:
        WrongAnswerError: no lawful code can be shown on it: the agent would not start with it.
    """
    from edge.panels import open_display, refusal  # noqa: PLC0415, Pillow comes with some

    on_glass = asyncio.Event()
    name = str(table.__struct_config__.tag)
    try:
        async with open_display(table, face=None) as shown:
            reason = refusal(table, shown.panel)
            if reason is not None:
                raise WrongAnswerError(_refused(name, shown.panel, reason))
            person.say("showing", name=name)
            if isinstance(table, KioskDisplay):
                person.say("kiosk_at", listen=table.listen)
            shown.show(picture(), lambda _frame: on_glass.set())
            if person.asks:
                return await person.confirm("seen", default=True)
            try:
                async with asyncio.timeout(seconds):
                    await on_glass.wait()
            except TimeoutError:
                person.say("not_painted")
                return False
            person.say("painted")
            await asyncio.sleep(seconds)
            return True
    except (StartError, OSError, ImportError) as error:
        person.say("display_failed", told=error)
        return False


def _refused(name: str, panel: Panel | None, reason: str) -> Text:
    why = as_is(reason) if panel is None else unlawful(panel)
    return both(
        "--display: {name}: {why}. {what}",
        "--display: {name}: {why}. {what}",
        name=name,
        why=why,
        what=ANOTHER,
    )


async def print_slip(table: PrinterTable, person: Person) -> bool:
    """Print a slip; whether the printer took it."""
    from edge.checks.printer import WORDS  # noqa: PLC0415
    from edge.printers.opening import open_printer  # noqa: PLC0415, pyserial comes with some
    from edge.printers.slip import Line, Slip, render  # noqa: PLC0415

    slip = Slip(
        sale_id="",
        rev=0,
        qr=CONTENT,
        above=(
            Line("ПРОБА", bold=True, centred=True, big=True),
            Line("Это не чек / No receipt", centred=True),
        ),
        below=(Line("Наведите камеру на код", centred=True),),
    )
    try:
        printer = open_printer(table)
        try:
            word = (await printer.status()).word
            person.say("printer_word", name=table.__struct_config__.tag, told=WORDS[word][1])
            await printer.send(render(slip, printer.profile))
        finally:
            await printer.close()
    except (EdgeError, OSError, PrinterLostError, ValueError) as error:
        person.say("printer_failed", told=error)
        return False
    person.say("printed")
    return True
