from cloud.books.table import pairs, table


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    rows = [["vm-1", "", "холл"], ["vm-000123", "", ""]]
    assert list(table(["id", "number", "place"], rows)) == [
        "id         place",
        "vm-1       холл",
        "vm-000123  -",
    ]


def test_one_thing_is_a_line_for_each_value() -> None:
    assert list(pairs({"id": "hot", "operator": ""})) == ["id        hot", "operator  -"]
