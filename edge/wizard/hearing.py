"""What was heard on the bus, told to a person."""

from edge.checks.bus import Hearing, Voice, money
from edge.wizard.person import Person
from edge.wizard.words import SAID


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
    if heard.doubt:
        person.say("doubt", told=heard.doubt)
    return bool(heard.exchanges) and not heard.doubt


def _tell_voices(heard: Hearing, person: Person) -> None:
    """Who is there, who is not, and how their money counts."""
    present = [voice for voice in heard.voices if voice.answered]
    absent = [voice for voice in heard.voices if not voice.answered]
    if present:
        person.say("present", names=_names(present, person))
    if absent:
        person.say("addressed" if heard.vmc_only else "absent", names=_names(absent, person))
    for voice in present:
        if voice.scaling is not None:
            person.say("counts", name=_name(voice, person), unit=money(voice.scaling))


def _names(voices: list[Voice], person: Person) -> str:
    return ", ".join(_name(voice, person) for voice in voices)


def _name(voice: Voice, person: Person) -> str:
    return person.words(voice.name) if voice.name in SAID else voice.name
