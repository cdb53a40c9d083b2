"""The short link in place of the fiscal code, for panels that are too small for the law's.

In capitals an address takes the alphanumeric mode: 25 modules a side instead of 33. It is not the
statutory code, and says so in both languages.
"""

from dataclasses import replace
from typing import Final

from edge.buyer import qr
from edge.buyer.picture import Picture

MARK: Final = "Это не фискальный QR-код"
MARK_EN: Final = "Not the fiscal QR code"
HINT: Final = "Наведите камеру телефона на код"
HINT_EN: Final = "Point your camera at the code"


def with_short_link(picture: Picture) -> Picture:
    """The picture with its link as the code, plainly marked; without a link, words alone.

    The code holds the link in capitals; whoever serves it has to take them as small letters.
    """
    if picture.code is None:
        return picture
    if picture.link is None:
        return replace(picture, code=None, hint="", hint_en="")
    fiscal = picture.code.text != picture.link
    return replace(
        picture,
        code=qr.encode(picture.link.upper()),
        mark=picture.mark or MARK,
        mark_en=picture.mark_en or MARK_EN,
        # What is said of the fiscal code is not true of this one.
        hint=HINT if fiscal else picture.hint,
        hint_en=HINT_EN if fiscal else picture.hint_en,
    )
