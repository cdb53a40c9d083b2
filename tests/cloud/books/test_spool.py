from stall import a_product, a_shelf

from cloud.books.spool import AT_ONCE, Spool
from cloud.fleet import Planogram, Product, Shelf


def test_a_key_stands_in_one_row() -> None:
    with Spool() as spool:
        assert spool.put(("coffee", "tea"), 2, {"id": "tea"}) is None
        assert spool.put(("coffee", "tea"), 9, {"id": "tea"}) == 2
        assert list(spool.rows()) == [(("coffee", "tea"), 2, {"id": "tea"})]


def test_rows_come_in_the_order_of_their_keys() -> None:
    with Spool() as spool:
        for number, slot in enumerate(["0002", "0001", "0010"]):
            spool.put(("coffee", "hot", slot), number, {})
        assert [key[2] for key, _, _ in spool.rows()] == ["0001", "0002", "0010"]


def test_mistakes_come_in_the_order_of_the_file() -> None:
    with Spool() as spool:
        spool.is_wrong(14, "vat", "a")
        spool.is_wrong(2, "inn", "b")
        spool.is_wrong(14, "gtin", "c")
        assert list(spool.wrong()) == [(2, "inn", "b"), (14, "vat", "a"), (14, "gtin", "c")]
        assert spool.mistakes == 3


def test_what_is_wanted_comes_by_kind_in_lots() -> None:
    products = [a_product(id=f"p{number}") for number in range(AT_ONCE + 1)]
    with Spool() as spool:
        for each in (a_shelf(), *products):
            spool.want(each)
        assert list(spool.wanted(Product)) == [products[:AT_ONCE], products[AT_ONCE:]]
        assert list(spool.wanted(Shelf)) == [[a_shelf()]]
        assert list(spool.wanted(Planogram)) == []
