import pytest
from specimens import receipt, sale

from edge.buyer.policy import Policy, making, ready
from edge.buyer.presenter import STATUTORY_S
from edge.buyer.screen import Making, Ready
from edge.config import Receipts

A = sale()
LINKS = "https://chek.example/r/"
PAGE, FISCAL, OFD = LINKS + A.token, receipt(A).qr, "https://ofd.example/1"

# qr, link, the provider's own link; the code while it is made; code, link, statutory
CHOICES = [
    ("link_then_fiscal", LINKS, None, PAGE, (FISCAL, PAGE, True)),
    ("link_then_fiscal", LINKS, OFD, PAGE, (FISCAL, OFD, True)),
    ("link_then_fiscal", None, None, None, (FISCAL, None, True)),
    ("fiscal", LINKS, None, None, (FISCAL, PAGE, True)),
    ("fiscal", None, OFD, None, (FISCAL, OFD, True)),
    ("link", LINKS, None, PAGE, (PAGE, PAGE, False)),
    ("link", LINKS, OFD, PAGE, (OFD, OFD, False)),
    ("link", None, None, None, (FISCAL, None, True)),
]


@pytest.mark.parametrize(("qr", "link", "ofd", "while_made", "then"), CHOICES)
def test_the_operator_chooses_the_code(
    qr: str,
    link: str | None,
    ofd: str | None,
    while_made: str | None,
    then: tuple[str, str | None, bool],
) -> None:
    policy = Policy(qr=qr, link=link)  # type: ignore[arg-type]
    assert making(A, policy) == Making(A, while_made)
    shown, page, statutory = then
    for late in (False, True):
        screen = ready(A, receipt(A, 7, link=ofd), policy, late=late)
        assert screen == Ready(A, 7, shown, page, statutory=statutory, late=late)


@pytest.mark.parametrize("status", ["pending", "refused", "returned"])
def test_only_an_issued_receipt_is_shown(status: str) -> None:
    assert ready(A, receipt(A, status=status), Policy(), late=False) is None


def test_an_issued_receipt_without_its_string_is_shown_by_link_alone() -> None:
    bare = receipt(A, qr=None)
    assert ready(A, bare, Policy(link=LINKS), late=False) is None
    shown = ready(A, bare, Policy(qr="link", link=LINKS), late=False)
    assert shown is not None
    assert (shown.qr, shown.statutory) == (PAGE, False)


def test_the_defaults_are_those_of_the_file_and_keep_the_law() -> None:
    file, policy = Receipts(), Policy()
    for name in ("qr", "link", "profile", "show_s", "patience_s", "late_s", "offline_s"):
        assert getattr(policy, name) == getattr(file, name)
    assert policy.show_s >= STATUTORY_S
