from typing import get_args

import pytest
from specimens import receipt, sale

from edge.buyer.event import Again, Answered, Buying, Event, Reason, Sold, Tick, Unkept, why
from edge.buyer.screen import Idle, Making, Ready, Refused, Screen
from edge.wire import Shown, decode, encode

A, B = sale(1), sale(2)
WAIT, SLOW, NEXT = Making(A, None), Making(A, None, slow=True), Making(B, None)
RECEIPT, NEWER = (Ready(A, rev, "qr", None, statutory=True, late=False) for rev in (1, 2))
OTHERS = Ready(B, 1, "qr", None, statutory=True, late=True)
NO = Refused(A, 2)


def said(status: str) -> Answered:
    return Answered(A, receipt(A, status=status))


@pytest.mark.parametrize(
    ("before", "event", "after", "reason"),
    [
        (WAIT, Sold(B), NEXT, "next_sale"),
        (RECEIPT, Sold(B), NEXT, "next_sale"),
        (WAIT, Unkept(2.0), Idle(), "next_sale"),
        (RECEIPT, Unkept(2.0), Idle(), "next_sale"),
        (OTHERS, Unkept(2.0), Idle(), "next_sale"),
        (WAIT, said("issued"), RECEIPT, "receipt"),
        (RECEIPT, said("issued"), NEWER, "receipt"),
        (RECEIPT, said("refused"), NO, "receipt"),
        (RECEIPT, said("returned"), Idle(), "receipt"),
        (RECEIPT, said("returned"), OTHERS, "receipt"),
        (RECEIPT, said("pending"), Idle(), "timeout"),
        (WAIT, Again(A, receipt(A)), RECEIPT, "receipt"),
        (WAIT, Tick(), SLOW, "replaced"),
        (WAIT, Buying(now=True), SLOW, "replaced"),
        (RECEIPT, Tick(), Idle(), "timeout"),
        (RECEIPT, Tick(), OTHERS, "timeout"),
        (RECEIPT, Answered(B, receipt(B)), OTHERS, "timeout"),
        (OTHERS, said("returned"), Idle(), "timeout"),
    ],
)
def test_a_picture_ends_for_a_reason(
    before: Screen, event: Event, after: Screen, reason: str
) -> None:
    assert why(before, event, after) == reason


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_goes_up(reason: str) -> None:
    shown = Shown(
        sale_id=A.sale_id,
        rev=1,
        on="screen",
        shown_at=A.sold_at,
        hidden_at=A.sold_at,
        reason=reason,
        frame_sha256="a" * 64,
    )
    assert decode(encode(shown), Shown).reason == reason
