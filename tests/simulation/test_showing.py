"""The judge of what was shown: it lets pass what is allowed, and objects to all else."""

from dataclasses import dataclass, field, replace

from simulation.deal import Deal
from simulation.showing import Showing, wrong_showings

MACHINE = "vm-000001"


def code_of(price: int, number: int = 1) -> str:
    return (
        f"t=20261123T1542&s={price // 100}.{price % 100:02}&fn=9999078900000000&i={number}&fp=1&n=1"
    )


@dataclass
class Log:
    """A day as it should be: A bought at 10 s, B at 60 s by card; both had their pictures."""

    machine: str = MACHINE
    deals: list[Deal] = field(
        default_factory=lambda: [
            Deal(
                *(MACHINE, n, "0001", 1000 + 10 * n, "card"),
                began_at=began,
                requested_at=began + 0.1,
                approved_at=began + 0.2,
                decided_at=began + 2,
                over_at=began + 2.2,
                lives=(1, 1),
                request_heard_at=began + 0.1,
                heard_at=began + 2,
                heard_by=1,
                known_at=began + 6,
            )
            for n, began in ((0, 10.0), (1, 60.0))
        ]
    )
    showings: list[Showing] = field(default_factory=list)
    sale_of: dict[str, tuple[str, int]] = field(
        default_factory=lambda: {"A": (MACHINE, 1000), "B": (MACHINE, 1010)}
    )

    def leaves_at(self, deal: Deal) -> float:
        return (deal.over_at or 0) + 40

    def show(self, whose: str, began: float, until: float, **told: object) -> "Log":
        price = self.sale_of.get(whose, ("", 1000))[1]
        words = {"amount": f"{price // 100},{price % 100:02} ₽", "product": "0001"}
        words["code"] = code_of(price)
        kind = str(told.pop("kind", "ready"))
        life = told.pop("life", 1)
        shown = Showing(life, kind, whose, began - 0.01, began, **(words | told))
        shown.ended_at = until
        self.showings.append(shown)
        return self

    def wrong(self, **told: object) -> list[str]:
        return wrong_showings(self, self.deals, self.sale_of, **told)


def right() -> Log:
    log = Log().show("A", 12.1, 13, kind="making", code="link A").show("A", 13, 62.1)
    return log.show("B", 62.1, 64, kind="making", code="link B").show("B", 64, 104)


def test_a_day_as_it_should_be_is_not_objected_to() -> None:
    assert right().wrong() == []


def test_nor_is_a_late_receipt_between_two_buyers() -> None:
    assert right().show("A", 105, 145, late=True).wrong() == []


def test_nor_is_a_buyer_who_only_begins_before_the_picture_of_the_one_before() -> None:
    log = right()
    log.deals[1] = replace(log.deals[1], how="denied", approved_at=None)
    del log.showings[2:]
    log.showings[1].ended_at = 90
    assert log.wrong() == []


def only(wrong: list[str], about: str) -> None:
    assert len(wrong) == 1, wrong
    assert about in wrong[0], wrong


def test_the_code_of_another_sale_is_objected_to() -> None:
    log = right()
    log.showings[3].code = code_of(1000)
    only(log.wrong(), "its code was that of A")


def test_a_code_over_another_sum_is_objected_to() -> None:
    log = right()
    log.showings[3].code = code_of(5000)
    only(log.wrong(), "its code says")


def test_another_amount_is_objected_to() -> None:
    log = right()
    log.showings[2].amount = "10,00 ₽"
    only(log.wrong(), "it says '10,00 ₽'")


def test_another_product_is_objected_to() -> None:
    log = right()
    only(log.wrong(products={"0001": "Капучино"})[:1], "it says '0001'")
    for each in log.showings:
        each.product = "Капучино"
    assert log.wrong(products={"0001": "Капучино"}) == []


def test_a_picture_that_outlives_the_next_sale_is_objected_to() -> None:
    log = right()
    del log.showings[2:]
    log.showings[1].ended_at = 70
    only(log.wrong(), "1 was known")


def test_but_not_where_nobody_could_know_of_that_sale() -> None:
    for unknown in ({"known_at": None}, {"damaged": True}):
        log = right()
        del log.showings[2:]
        log.showings[1].ended_at = 70
        log.deals[1] = replace(log.deals[1], **unknown)
        assert log.wrong() == []


def test_nor_where_the_process_was_dead_or_the_world_excuses_it() -> None:
    log = right()
    del log.showings[2:]
    log.showings[1].ended_at = 70
    assert log.wrong(excused=[(61, 67)]) == []
    assert log.wrong(excused=[(61, 62.5)]) != []
    log.showings[1].frozen_at = 61
    assert log.wrong() == []


def test_the_buyer_before_on_the_screen_again_is_objected_to() -> None:
    only(right().show("A", 95, 99, code=code_of(1000)).wrong(), "1 was known")


def test_a_late_picture_that_stays_over_the_next_sale_is_objected_to() -> None:
    log = right()
    log.showings[1].ended_at = 55
    del log.showings[2:]
    only(log.show("A", 56, 96, late=True).wrong(), "1 was known")


def test_a_late_picture_that_begins_amid_a_vend_is_objected_to() -> None:
    log = right()
    log.showings[1].ended_at = 55
    log.show("A", 61, 62.1, late=True)
    only(log.wrong(), "it began amid deal 1")


def test_a_newer_word_on_a_late_receipt_may_come_amid_a_vend() -> None:
    log = right()
    log.showings[1].ended_at = 55
    del log.showings[2:]
    log.show("A", 56, 61, late=True).show("A", 61, 62.1, late=True, rev=2)
    assert log.wrong() == []


def test_what_should_be_marked_as_late_and_is_not_is_objected_to() -> None:
    log = right()
    log.showings[1].ended_at = 55
    del log.showings[2:]
    only(log.show("A", 61, 62.1).wrong(), "not marked as late")


def test_a_new_life_may_go_on_within_forty_seconds_and_not_later() -> None:
    log = right()
    log.showings[1].frozen_at = log.showings[1].ended_at = 30
    del log.showings[2:]
    assert log.show("A", 50, 62.1, life=2).wrong() == []
    log.deals[0] = replace(
        log.deals[0], began_at=-10, decided_at=2, over_at=3, heard_at=2, known_at=6
    )
    only(log.wrong(), "not marked as late")


def test_a_picture_of_what_was_not_sold_is_objected_to() -> None:
    log = right()
    log.deals[1] = replace(log.deals[1], how="denied", approved_at=None)
    assert len(log.wrong()) == 2
    assert "nothing was sold" in log.wrong()[0]


def test_a_picture_before_the_sale_is_objected_to() -> None:
    only(right().show("B", 60.2, 60.3, code=code_of(1010)).wrong(), "it was not sold yet")


def test_what_is_in_no_book_is_judged_by_its_own_words() -> None:
    log = right()
    del log.sale_of["B"]
    assert log.wrong() == []
    log.showings[3].amount = "99,00 ₽"
    only(log.wrong(), "it is of no deal of this machine")
    log.showings[3].amount = ""
    only(log.wrong(), "it is of no deal of this machine")
    log.showings[3].kind = "making"
    assert log.wrong() == []


def test_a_picture_of_another_machine_s_sale_is_objected_to() -> None:
    log = right()
    log.sale_of["B"] = ("vm-000002", 1010)
    assert [each.split(":")[1] for each in log.wrong()] == [" it is of no deal of this machine"] * 2
