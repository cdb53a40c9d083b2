"""The table, its drawing in the README, and the few rules that are not obvious."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdb.session import ANYWHERE, TRANSITIONS, Conclusion, State, Step, step
from mdb.vocabulary import cashless
from mdb.vocabulary.message import JustReset, Message, Poll, Reset, Unknown

README = Path(__file__).parents[2] / "mdb" / "README.md"
ITEM = b"\x00\x0a"

REQUEST, APPROVED = cashless.VendRequest(150, ITEM), cashless.VendApproved(150)
SUCCESS, FAILURE = cashless.VendSuccess(ITEM), cashless.VendFailure()
BEGIN, COMPLETE, END = cashless.BeginSession(500), cashless.SessionComplete(), cashless.EndSession()
RESET, JUST_RESET, DENIED = Reset(), JustReset(), cashless.VendDenied()
CANCEL, ENABLE, DISABLE = cashless.VendCancel(), cashless.ReaderEnable(), cashless.ReaderDisable()
RETURN = cashless.NegativeVendRequest(50, ITEM)
LOAD, LOADED = cashless.RevalueRequest(500), cashless.RevalueApproved()
NOT_LOADED = cashless.RevalueDenied()

STORIES: dict[str, list[tuple[Message, str]]] = {
    "a single vend": [
        *((BEGIN, "session_began"), (REQUEST, "vend_requested"), (APPROVED, "vend_approved")),
        *((SUCCESS, "sale"), (COMPLETE, ""), (END, "session_ended")),
    ],
    "two vends in one session": [
        *((BEGIN, "session_began"), (REQUEST, "vend_requested"), (APPROVED, "vend_approved")),
        *((SUCCESS, "sale"), (REQUEST, "vend_requested"), (APPROVED, "vend_approved")),
        *((SUCCESS, "sale"), (COMPLETE, ""), (END, "session_ended")),
    ],
    "denied": [(REQUEST, "vend_requested"), (DENIED, "vend_denied"), (COMPLETE, "")],
    "cancelled": [(REQUEST, "vend_requested"), (CANCEL, ""), (DENIED, "vend_cancelled")],
    "cancelled by the end of the session": [
        *((REQUEST, "vend_requested"), (COMPLETE, ""), (END, "vend_cancelled")),
    ],
    "the approval crosses the cancel": [
        *((REQUEST, "vend_requested"), (CANCEL, ""), (APPROVED, "")),
        *((DENIED, "vend_cancelled"), (RESET, "")),
    ],
    "cancelled after the approval, as another reader was quicker": [
        *((REQUEST, "vend_requested"), (APPROVED, "vend_approved"), (CANCEL, "")),
        *((DENIED, "vend_cancelled"), (RESET, "")),
    ],
    "cancelled, and let out all the same": [
        *((REQUEST, "vend_requested"), (CANCEL, ""), (APPROVED, ""), (SUCCESS, "sale")),
    ],
    "denied after the approval": [
        *((APPROVED, "vend_approved"), (DENIED, "vend_denied"), (RESET, "")),
    ],
    "a reset, a new start, and the success after all": [
        *((APPROVED, "vend_approved"), (JUST_RESET, "sale, presumed"), (ENABLE, "")),
        (SUCCESS, ""),
    ],
    "a negative vend that a reset cut off": [
        *((RETURN, ""), (APPROVED, ""), (RESET, "vend_uncertain")),
    ],
    "failed": [(REQUEST, "vend_requested"), (APPROVED, "vend_approved"), (FAILURE, "vend_failed")],
    "failed without an approval: the VMC waited too long": [
        *((REQUEST, "vend_requested"), (FAILURE, "vend_failed")),
    ],
    "a reset instead of a success": [
        *((APPROVED, "vend_approved"), (RESET, "sale, presumed"), (JUST_RESET, "")),
        *((SUCCESS, ""), (SUCCESS, ""), (ENABLE, "")),
    ],
    "the reader resets itself": [(APPROVED, "vend_approved"), (JUST_RESET, "sale, presumed")],
    "a reset after a success": [(APPROVED, "vend_approved"), (SUCCESS, "sale"), (RESET, "")],
    "a reset after a success, and the success again": [
        *((APPROVED, "vend_approved"), (SUCCESS, "sale"), (RESET, ""), (JUST_RESET, "")),
        *((ENABLE, ""), (SUCCESS, "")),
    ],
    "a reset after a success, and another vend": [
        *((APPROVED, "vend_approved"), (SUCCESS, "sale"), (RESET, ""), (ENABLE, "")),
        *((REQUEST, "vend_requested"), (APPROVED, "vend_approved"), (SUCCESS, "sale")),
    ],
    "money is loaded, and the vend's end was not heard": [
        *((APPROVED, "vend_approved"), (LOAD, "vend_uncertain"), (LOADED, "revalue")),
    ],
    "goods come back, and the vend's end was not heard": [
        *((APPROVED, "vend_approved"), (RETURN, "vend_uncertain"), (APPROVED, "")),
        (SUCCESS, "return"),
    ],
    "a reset before an approval": [(REQUEST, "vend_requested"), (RESET, "")],
    "a success said again": [(APPROVED, "vend_approved"), (SUCCESS, "sale"), (SUCCESS, "")],
    "a success and nothing before it": [(SUCCESS, "sale, amount unknown"), (SUCCESS, "")],
    "a success whose approval was missed": [
        *((REQUEST, "vend_requested"), (SUCCESS, "sale, amount unknown")),
    ],
    "neither success nor failure, and the session ends": [
        *((APPROVED, "vend_approved"), (COMPLETE, "vend_uncertain"), (END, "session_ended")),
    ],
    "neither success nor failure, and a new request": [
        *((APPROVED, "vend_approved"), (REQUEST, "vend_uncertain"), (APPROVED, "vend_approved")),
        (SUCCESS, "sale"),
    ],
    "the reader is disabled in the middle of a vend": [
        *((BEGIN, "session_began"), (DISABLE, ""), (REQUEST, "vend_requested"), (DISABLE, "")),
        *((APPROVED, "vend_approved"), (DISABLE, ""), (ENABLE, ""), (SUCCESS, "sale")),
    ],
    "a negative vend": [(RETURN, ""), (APPROVED, ""), (SUCCESS, "return"), (SUCCESS, "")],
    "a negative vend whose approval was missed": [(RETURN, ""), (SUCCESS, "return")],
    "a negative vend denied": [(RETURN, ""), (DENIED, "vend_denied")],
    "a negative vend failed": [(RETURN, ""), (APPROVED, ""), (FAILURE, "vend_failed")],
    "media are loaded": [(LOAD, ""), (LOADED, "revalue"), (LOADED, "")],
    "media are not loaded": [(LOAD, ""), (NOT_LOADED, ""), (LOADED, "")],
    "a session is said to begin twice": [(BEGIN, "session_began"), (BEGIN, "")],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_story_is_concluded(story: list[tuple[Message, str]]) -> None:
    state = State.INACTIVE
    for message, expected in story:
        state, conclusion = step(state, message)
        assert conclusion.value == expected, message


@pytest.mark.parametrize("state", State)
def test_a_message_with_no_entry_changes_nothing(state: State) -> None:
    assert step(state, Poll()) == (state, Conclusion.NOTHING)
    assert step(state, Unknown(b"\x2a")) == (state, Conclusion.NOTHING)


def steps() -> Iterator[Step]:
    yield from ANYWHERE.values()
    for here in TRANSITIONS.values():
        yield from here.values()


def test_every_state_can_be_reached_and_every_conclusion_drawn() -> None:
    assert {state for state, _ in steps()} == set(State)
    assert {conclusion for _, conclusion in steps()} == set(Conclusion)


def test_only_an_approval_and_a_reset_make_a_presumed_sale() -> None:
    presumed = [
        (state, kind)
        for state, here in TRANSITIONS.items()
        for kind, (_, conclusion) in here.items()
        if conclusion is Conclusion.SALE_PRESUMED
    ]
    assert presumed == [
        (State.APPROVED, Reset),
        (State.APPROVED, JustReset),
    ]


def diagram() -> str:
    """The tables as a mermaid drawing; ANY stands for whatever was heard before."""
    drawn = ["stateDiagram-v2", '    state "whatever was heard before" as ANY']
    drawn += [f'    state "{state.value}" as {state.name}' for state in State]
    arrows: dict[tuple[str, str], list[str]] = {}
    for name, here in [("ANY", ANYWHERE), *((s.name, here) for s, here in TRANSITIONS.items())]:
        for kind, (to, conclusion) in here.items():
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).upper()
            label = f"{words} / {conclusion.value}" if conclusion.value else words
            arrows.setdefault((name, to.name), []).append(label)
    drawn += [f"    {a} --> {b}: {'<br>'.join(said)}" for (a, b), said in arrows.items()]
    return "\n".join(drawn)


def test_the_readme_draws_this_table() -> None:
    drawn = re.findall(r"```mermaid\n(.*?)\n```", README.read_text("utf-8"), re.DOTALL)
    assert drawn == [diagram()]
