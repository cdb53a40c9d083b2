"""Balance: a reconciled day as text that an accountant can read. Pure."""

from collections.abc import Iterator
from typing import Final

from cloud.desk.reconciling import BUCKETS, Day, Line, MachineDay, RegisterDay, Sum
from cloud.desk.words import counted, printable, roubles, table

MOST: Final = 20
"""So many explained lines of a machine are told one by one, unless all are wanted."""
HEAD: Final = ("machine", "sold", "", *(each for name in BUCKETS for each in (name, "")))


def lines(day: Day, *, everything: bool = False) -> list[str]:
    """The day's machines, then its registers, then what is wrong."""
    return [
        f"{day.day}, each machine by its own zone; sums in roubles",
        "",
        *_machines(day),
        *(line for each in day.machines for line in _of_machine(each, everything=everything)),
        "",
        *_registers(day),
        *_compared(day),
        "",
        _verdict(day),
    ]


def _machines(day: Day) -> list[str]:
    if not day.machines:
        return ["no machine sold anything"]
    rows: list[tuple[str, ...]] = [(*HEAD, "difference")]
    rows += [_row(each.machine, each) for each in day.machines]
    if len(day.machines) > 1:
        rows.append(_row("all", _total(day)))
    return table(rows, right=range(1, len(rows[0])))


def _row(name: str, each: MachineDay) -> tuple[str, ...]:
    sums = (each.sold, *(each.sums[bucket] for bucket in BUCKETS))
    cells = (cell for one in sums for cell in (str(one.count), roubles(one.kopecks)))
    return (name, *cells, roubles(each.difference))


def _total(day: Day) -> MachineDay:
    total = MachineDay(machine="all", operator=None, timezone="")
    for each in day.machines:
        for name in ("sold", "recorded", "returned"):
            _add(getattr(total, name), getattr(each, name))
        for bucket in BUCKETS:
            _add(total.sums[bucket], each.sums[bucket])
    return total


def _add(total: Sum, one: Sum) -> None:
    total.count += one.count
    total.kopecks += one.kopecks


def _of_machine(each: MachineDay, *, everything: bool) -> Iterator[str]:
    """Its differences, what is wrong first."""
    if not (each.lines or each.goods_back):
        return
    yield ""
    yield f"{each.machine} ({each.timezone})"
    wrong = [line for line in each.lines if not line.explained]
    right = [line for line in each.lines if line.explained]
    shown = right if everything else right[:MOST]
    for line in (*wrong, *shown):
        yield _line(line)
    left = len(right) - len(shown) + each.more_lines
    if left:
        yield f"  … and {left} more that are explained{'' if everything else ': add --all'}"
    if each.goods_back:
        yield f"  goods came back {counted(each.goods_back, 'time')}"


def _line(line: Line) -> str:
    mark = "  " if line.explained else "! "
    amount = f"  {roubles(line.kopecks)}" if line.kopecks else ""
    sale = f"{line.sale_id}  " if line.sale_id else ""
    return f"{mark}{sale}{printable(line.text)}{amount}"


def _registers(day: Day) -> list[str]:
    if not day.registers:
        return ["no register recorded anything"]
    head = ("register", "drive", "income", "", "returned", "", "fd")
    rows = [head, *map(_register, day.registers)]
    told = table(rows, right=range(2, 6))
    for each in day.registers:
        if each.of_other_days.count:
            of_others = counted(each.of_other_days.count, "document")
            told.append(
                f"  {each.register}: {of_others} of income for sales of other days,"
                f" {roubles(each.of_other_days.kopecks)}"
            )
        if each.not_ours:
            count = sum(last - first + 1 for first, last in each.not_ours)
            told.append(
                f"  {each.register}: {counted(count, 'number')} between are not ours: reports of"
                " shifts, or others' receipts"
            )
    if day.elsewhere.count:
        sales = counted(day.elsewhere.count, "sale")
        told.append(
            f"  {sales} of this day, {roubles(day.elsewhere.kopecks)}, recorded under another date"
        )
    return told


def _register(each: RegisterDay) -> tuple[str, ...]:
    return (
        each.register,
        each.fn,
        str(each.income.count),
        roubles(each.income.kopecks),
        str(each.returned.count),
        roubles(each.returned.kopecks),
        f"{each.first_fd} to {each.last_fd}",
    )


def _compared(day: Day) -> list[str]:
    if day.compared is None:
        return []
    attempts = counted(day.compared, "attempt")
    found = [_line(each) for each in day.provider_lines]
    differ = "no difference" if not found else counted(len(found), "difference")
    return ["", f"the providers were asked about {attempts}: {differ}", *found]


def _verdict(day: Day) -> str:
    wrong = day.unexplained
    if not wrong:
        return "every difference is explained"
    return f"{counted(wrong, 'difference')} that nothing explains, marked by !"
