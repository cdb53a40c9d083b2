"""What was heard on the bus, told to a person."""

from edge.checks import NOTHING, joined
from edge.checks.bus import Hearing, Voice, device, money
from edge.technician.words import Text
from edge.wizard.person import Person


def tell(heard: Hearing, person: Person) -> bool:
    """Tell it; whether it sounds like a machine."""
    for told in heard.told:
        person.say("tap_told", told=told)
    if not heard.bytes:
        person.say("silent", scheme=heard.tap.partition(":")[0])
        return False
    person.say("rate", rate=heard.rate, polls=heard.polls)
    _tell_voices(heard, person)
    if heard.exchanges and not any(voice.scaling for voice in heard.voices):
        person.say("no_money")
    if heard.sales:
        person.say("sales", count=heard.sales)
    if heard.faults:
        person.say("faults", count=heard.faults)
    if heard.doubt != NOTHING:
        person.say("doubt", told=heard.doubt)
    return bool(heard.exchanges) and heard.doubt == NOTHING


def _tell_voices(heard: Hearing, person: Person) -> None:
    """Who is there, who is not, and how their money counts."""
    present = [voice for voice in heard.voices if voice.answered]
    absent = [voice for voice in heard.voices if not voice.answered]
    if present:
        person.say("present", names=_names(present))
    if absent:
        person.say("addressed" if heard.vmc_only else "absent", names=_names(absent))
    for voice in present:
        if voice.scaling is not None:
            person.say("counts", name=device(voice.name), unit=money(voice.scaling))


def _names(voices: list[Voice]) -> Text:
    return joined(", ", (device(voice.name) for voice in voices))
