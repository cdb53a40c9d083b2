"""Scaling: what a price on the bus is worth.

A peripheral announces a scale factor and decimal places in its SETUP answer, and from then on
speaks of money in scaled units (MDB 4.2, section 7.4.2):

    actual = units x scale factor x 10^-decimal places
"""

from dataclasses import dataclass
from typing import Final

from mdb.money import Money, exponent

_CODES: Final = """
008 ALL 012 DZD 032 ARS 036 AUD 044 BSD 048 BHD 050 BDT 051 AMD 052 BBD 060 BMD 064 BTN 068 BOB
072 BWP 084 BZD 090 SBD 096 BND 104 MMK 108 BIF 116 KHR 124 CAD 132 CVE 136 KYD 144 LKR 152 CLP
156 CNY 170 COP 174 KMF 188 CRC 191 HRK 192 CUP 203 CZK 208 DKK 214 DOP 222 SVC 230 ETB 232 ERN
238 FKP 242 FJD 262 DJF 270 GMD 292 GIP 320 GTQ 324 GNF 328 GYD 332 HTG 340 HNL 344 HKD 348 HUF
352 ISK 356 INR 360 IDR 364 IRR 368 IQD 376 ILS 388 JMD 392 JPY 398 KZT 400 JOD 404 KES 408 KPW
410 KRW 414 KWD 417 KGS 418 LAK 422 LBP 426 LSL 430 LRD 434 LYD 446 MOP 454 MWK 458 MYR 462 MVR
480 MUR 484 MXN 496 MNT 498 MDL 504 MAD 512 OMR 516 NAD 524 NPR 532 ANG 533 AWG 548 VUV 554 NZD
558 NIO 566 NGN 578 NOK 586 PKR 590 PAB 598 PGK 600 PYG 604 PEN 608 PHP 634 QAR 643 RUB 646 RWF
654 SHP 682 SAR 690 SCR 702 SGD 704 VND 706 SOS 710 ZAR 728 SSP 748 SZL 752 SEK 756 CHF 760 SYP
764 THB 776 TOP 780 TTD 784 AED 788 TND 800 UGX 807 MKD 810 RUB 818 EGP 826 GBP 834 TZS 840 USD
858 UYU 860 UZS 882 WST 886 YER 901 TWD 925 SLE 927 VES 928 VES 929 MRU 930 STN 931 CUC 932 ZWL
933 BYN 934 TMT 936 GHS 938 SDG 940 UYI 941 RSD 943 MZN 944 AZN 946 RON 949 TRY 950 XAF 951 XCD
952 XOF 953 XPF 960 XDR 967 ZMW 968 SRD 969 MGA 971 AFN 972 TJS 973 AOA 974 BYR 975 BGN 976 CDF
977 BAM 978 EUR 980 UAH 981 GEL 985 PLN 986 BRL
"""
ISO_4217: Final = dict(zip(map(int, _CODES.split()[::2]), _CODES.split()[1::2], strict=True))
"""Numeric to alphabetic currency codes; 810 is the rouble before 1998, still told by validators."""

UNKNOWN_MONEY: Final = frozenset({0xFFFF})
UNKNOWN_WIDE_MONEY: Final = frozenset({0xFFFFFFFF})
"""All ones, 16 and 32 bits: in VEND APPROVED an electronic token, elsewhere "not known"."""
UNKNOWN_CURRENCY: Final = b"\xff\xff"


def currency_of(code: bytes) -> str | None:
    """The currency of a two-byte country/currency code (7.4.2, Z3-Z4).

    ``1xxx`` in BCD is ISO 4217; ``0xxx`` is a telephone code, and some readers send digits that
    are no BCD at all: both tell no currency, so None.
    """
    digits = code.hex()
    if len(digits) != 4 or not digits.isdecimal() or digits[0] != "1":
        return None
    return ISO_4217.get(int(digits[1:]))


@dataclass(frozen=True, slots=True)
class Scaling:
    """One peripheral's scale factor, decimal places and currency; `code` is as it was told, hex."""

    scale: int
    decimals: int
    currency: str | None
    code: str | None = None

    @classmethod
    def of(cls, code: bytes, scale: int, decimals: int) -> "Scaling":
        """The scaling of a SETUP answer; `code` is its two bytes of country/currency."""
        return cls(scale, decimals, currency_of(code), code.hex())

    def with_currency(self, code: bytes | None) -> "Scaling":
        """The same in another currency (expanded currency mode); None or FFFF tells none."""
        if code is None or code == UNKNOWN_CURRENCY:
            return self
        return Scaling.of(code, self.scale, self.decimals)

    def money(self, units: int) -> Money | None:
        """Scaled units to minor units; None where they do not come out whole, or scale is 0."""
        if not self.scale:
            return None
        shift = exponent(self.currency) - self.decimals
        value = units * self.scale
        if shift >= 0:
            return Money(value * 10**shift, self.currency)
        minor, rest = divmod(value, 10**-shift)
        return None if rest else Money(minor, self.currency)
