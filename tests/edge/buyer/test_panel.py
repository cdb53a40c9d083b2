import pytest

from edge.buyer.panel import FISCAL_MODULES, Panel, doubts, fit, objections, scannable
from edge.buyer.qr import encode

# Table 1.4 of the display reference: pixels, millimetres a pixel, and what each version gets there.
# A row's cells are module pixels, the code's millimetres and whether that is lawful.
OLED_096, OLED_130, OLED_242 = (128, 64, 0.170), (128, 64, 0.230), (128, 64, 0.430)
OLED_150, PAPER_213, PAPER_290 = (128, 128, 0.210), (250, 122, 0.194), (296, 128, 0.226)
IPS_130, IPS_154, IPS_200 = (240, 240, 0.0975), (240, 240, 0.1155), (320, 240, 0.1275)
TFT_280, TFT_350, TFT_500 = (320, 240, 0.180), (480, 320, 0.153), (800, 480, 0.135)
TABLE = [
    (OLED_096, 2, 2, 8.5, False),
    (OLED_096, 3, 1, 4.9, False),
    (OLED_096, 4, 1, 5.6, False),
    (OLED_096, 8, 1, 8.3, False),
    (OLED_130, 2, 2, 11.5, False),
    (OLED_130, 4, 1, 7.6, False),
    (OLED_242, 2, 2, 21.5, True),
    (OLED_242, 3, 1, 12.5, False),
    (OLED_242, 4, 1, 14.2, False),
    (OLED_242, 8, 1, 21.1, False),
    (OLED_150, 2, 4, 21.0, True),
    (OLED_150, 3, 3, 18.3, False),
    (OLED_150, 4, 3, 20.8, True),
    (OLED_150, 5, 3, 23.3, True),
    (OLED_150, 6, 2, 17.2, False),
    (OLED_150, 8, 2, 20.6, True),
    (PAPER_213, 2, 4, 19.4, False),
    (PAPER_213, 4, 3, 19.2, False),
    (PAPER_290, 3, 3, 19.7, False),
    (PAPER_290, 4, 3, 22.4, True),
    (PAPER_290, 6, 2, 18.5, False),
    (PAPER_290, 8, 2, 22.1, True),
    (IPS_130, 2, 8, 19.5, False),
    (IPS_130, 4, 6, 19.3, False),
    (IPS_154, 2, 8, 23.1, True),
    (IPS_154, 4, 6, 22.9, True),
    (IPS_154, 8, 4, 22.6, True),
    (IPS_200, 4, 6, 25.2, True),
    (TFT_280, 4, 6, 35.6, True),
    (TFT_350, 4, 8, 40.4, True),
    (TFT_500, 4, 12, 53.5, True),
]


def panel(glass: tuple[int, int, float], **known: float) -> Panel:
    width, height, pitch = glass
    return Panel(width, height, width * pitch, height * pitch, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(("glass", "version", "module_px", "mm", "lawful"), TABLE)
def test_the_table_of_panels_holds(
    glass: tuple[int, int, float], version: int, module_px: int, mm: float, *, lawful: bool
) -> None:
    found = fit(panel(glass), 17 + 4 * version)
    assert found is not None
    assert found.module_px == module_px
    assert found.symbol_mm == pytest.approx(mm, abs=0.06)
    assert found.quiet >= 2
    assert (objections(panel(glass), 17 + 4 * version) == []) == lawful


def test_the_fiscal_code_has_the_modules_that_panels_are_judged_by() -> None:
    fiscal = "t=20261123T154210&s=12345.67&fn=9999078900000000&i=1234567&fp=1234567890&n=1"
    assert encode(fiscal).size == FISCAL_MODULES


@pytest.mark.parametrize("side", range(37, 400, 7))
def test_a_code_is_as_large_as_two_modules_of_white_allow_and_has_four_where_they_fit(
    side: int,
) -> None:
    found = fit(Panel(2 * side, side), 33)
    assert found is not None
    assert 2 <= found.quiet <= 4
    assert 33 * (found.module_px + 1) + 4 * (found.module_px + 1) > side
    assert found.symbol_px + 2 * found.quiet_px <= side
    assert found.quiet == 4 or found.symbol_px + 2 * (found.quiet_px + 1) > side


def test_what_does_not_fit_at_all_is_said() -> None:
    assert fit(Panel(128, 36), 33) is None
    assert scannable(Panel(128, 64), 33) is None
    assert fit(Panel(128, 64), 33) is not None
    (wrong,) = objections(Panel(128, 36))
    assert "gets 0 px" in wrong


@pytest.mark.parametrize(
    ("glass", "wrong"),
    [
        (panel(OLED_096), ["gets 1 px, and a phone needs 2", "5.6 mm wide, and the law wants 20"]),
        (panel(PAPER_290, contrast=12), ["contrast is 12:1, and the law wants 250:1"]),
        (panel(TFT_500, nits=200), ["200 cd/m², and the law wants 250"]),
        (panel(TFT_500, nits=200, backlit=False), []),
        (panel(TFT_500, nits=250, contrast=250), []),
        (Panel(800, 480), []),
    ],
)
def test_a_panel_is_refused_with_figures_for_what_is_known_of_it(
    glass: Panel, wrong: list[str]
) -> None:
    found = objections(glass)
    assert len(found) == len(wrong)
    assert all(part in text for part, text in zip(wrong, found, strict=True))


def test_a_size_that_misses_the_law_by_a_hair_is_not_rounded_up_to_it() -> None:
    (wrong,) = objections(Panel(240, 240, 24.23, 24.23))
    assert "19.9 mm wide" in wrong


def test_where_pixels_are_not_square_the_smaller_side_counts() -> None:
    assert Panel(800, 480, 154.1, 85.9).pitch == pytest.approx(85.9 / 480)
    assert Panel(100, 100, 40.0, 20.0).pitch == 0.2


def test_what_is_not_known_is_a_doubt_and_says_which_key_would_tell() -> None:
    unknown = doubts(Panel(800, 480))
    assert [text.partition(": ")[2] for text in unknown] == [
        "set width_mm and height_mm",
        "set contrast",
        "set nits",
    ]
    assert doubts(Panel(800, 480, 154, 86, 500, None, backlit=False)) == []


def test_a_panel_on_its_side_has_its_sides_exchanged_and_upside_down_it_has_not() -> None:
    upright = Panel(800, 480, 154.1, 85.9, 500, 400)
    assert upright.turned(90) == upright.turned(270) == Panel(480, 800, 85.9, 154.1, 500, 400)
    assert upright.turned(180) == upright.turned(0) == upright
