"""How people write nothing, yes, no, a number and a day: the tables that recognition looks in.

Rows only, and the plain questions about one short text. Whether a whole column follows a row is
for ``recognition`` to say: a spelling is decided by the column, never by the cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MISSING = (
    *("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "nil", "-", "--", "?", "."),
    *("#div/0!", "#value!", "#ref!", "#num!", "#name?", "#null!"),
)
"""Lower-case spellings of a missing value."""

LONGEST_MISSING = max(map(len, MISSING))

PAIRS = (
    (frozenset({"true", "t"}), frozenset({"false", "f"})),
    (frozenset({"yes", "y"}), frozenset({"no", "n"})),
    (frozenset({"ja", "j"}), frozenset({"nein", "n"})),
    (frozenset({"oui", "o"}), frozenset({"non", "n"})),
    (frozenset({"si", "sí", "sì", "s"}), frozenset({"no", "n"})),
    (frozenset({"sim", "s"}), frozenset({"não", "nao", "n"})),
    (frozenset({"vrai"}), frozenset({"faux"})),
    (frozenset({"wahr"}), frozenset({"falsch"})),
    (frozenset({"on"}), frozenset({"off"})),
)
"""Spellings of yes and of no, lower case."""

CURRENCIES = ("€", "$", "£", "¥", "₹", "₽", "EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK", "DKK")
UNITS = (*CURRENCIES, "US$", "A$", "C$", "kr", "kr.", "zł", "%")

_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_SIGN = "[-+\u2212]?"
_GAPS = " \u00a0\u2009\u202f'\u2019"
_DRESSED = re.compile(
    rf"(?P<open>\()?{_SIGN}\s*(?P<before>{_UNIT})?\s*{_SIGN}"
    rf"(?P<digits>[\d.,{_GAPS}]*\d[.,]?)(?:[eE][-+]?\d+)?\s*(?P<after>{_UNIT})?(?P<close>\))?"
)
_CODE = re.compile(r"0\d+")
_ODD_NUMBER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|inf(inity)?|nan)", re.IGNORECASE)
TRUTHS = frozenset().union(*(yes | no for yes, no in PAIRS))


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How the numbers of one column are written: decimal sign, thousands separator, unit."""

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    @property
    def pattern(self) -> str:
        """The expression that every value of the column must match from end to end."""
        point, gap = re.escape(self.decimal), f"[{re.escape(self.thousands)}]"
        whole = rf"(?:\d+|\d{{1,3}}(?:{gap}\d{{3}})+)" if self.thousands else r"\d+"
        unit = f"(?:{re.escape(self.unit)})?" if self.unit and self.unit != "%" else ""
        unit = "%" if self.unit == "%" else unit
        number = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?"
        before = "" if self.unit == "%" else rf"{unit}\s*{_SIGN}"
        return rf"^\(?{_SIGN}\s*{before}{number}\s*{unit}\)?$"

    def __str__(self) -> str:
        """Return the style in words."""
        words = [f"decimal sign {self.decimal!r}"]
        if self.thousands:
            words.append(f"thousands separator {self.thousands[0]!r}")
        if self.unit:
            words.append(f"{self.unit!r} left out")
        return ", ".join(words)


def is_code(word: str) -> bool:
    """Whether a text is digits with a leading zero: a code, whose zeros mean something.

    >>> is_code("007"), is_code("0"), is_code("0.5")
    (True, False, False)
    """
    return _CODE.fullmatch(word) is not None


def unit_of(word: str) -> str | None:
    """Return the unit that a number is written with, '' for none, None if it is no number.

    >>> unit_of("€ 1.234,50"), unit_of("12"), unit_of("12 monkeys")
    ('€', '', None)
    """
    match = _DRESSED.fullmatch(word)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    return match["before"] or match["after"] or ""


def may_stand_for_more(word: str) -> bool:
    """Whether a text may be a number, a date or a boolean rather than just a word.

    >>> [may_stand_for_more(word) for word in ("12 EUR", "Nein", "3/4/2024", "Berlin")]
    [True, True, True, False]
    """
    if word.lower() in TRUTHS or unit_of(word) is not None:
        return True
    return _ODD_NUMBER.fullmatch(word) is not None or bool(date_formats(word))


def number_styles(words: list[str], likely: str) -> list[NumberStyle]:
    """Return the ways in which these words may all be numbers, the likeliest first.

    >>> [str(style) for style in number_styles(["1.234,5", "7"], ".")]
    ["decimal sign ',', thousands separator '.'"]
    """
    units = {unit_of(word) for word in words}
    if None in units or len(units - {""}) > 1 or any(map(is_code, words)):
        return []
    if "%" in units and "" in units:
        return []
    unit = max((unit or "" for unit in units), key=len, default="")
    gaps = _GAPS
    used = "".join(sorted({sign for word in words for sign in word if sign in gaps}))
    signs = [(".", ","), (",", ".")] if likely == "." else [(",", "."), (".", ",")]
    spaced = [(point, used) for point, _ in signs] if used.strip() or " " in used else []
    choices = [*signs, *spaced, *[(point, used) for point, _ in signs if used]]
    styles = [NumberStyle(point, gap, unit) for point, gap in choices]
    return [style for style in styles if all(re.match(style.pattern, word) for word in words)]


_TIMES = (
    ("", ""),
    (r"[ T]\d{1,2}:\d{2}", " %H:%M"),
    (r"[ T]\d{1,2}:\d{2}:\d{2}", " %H:%M:%S"),
    (r"[ T]\d{1,2}:\d{2}:\d{2}\.\d{1,9}", " %H:%M:%S.%f"),
    (r" \d{1,2}:\d{2} ?[AaPp][Mm]", " %I:%M %p"),
    (r" \d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]", " %I:%M:%S %p"),
)

_DAYS = (
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y", "%m.%d.%Y")),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y", "%d/%m/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{2}\.\d{2}\.\d{2}", ("%d.%m.%y",)),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y", "%d/%m/%y")),
    (r"\d{2}-\d{2}-\d{2}", ("%d-%m-%y", "%m-%d-%y")),
    (r"\d{1,2} [A-Za-z]{3,9} \d{4}", ("%d %b %Y", "%d %B %Y")),
    (r"\d{1,2}\. [A-Za-z]{3,9} \d{4}", ("%d. %b %Y", "%d. %B %Y")),
    (r"\d{1,2}-[A-Za-z]{3}-\d{4}", ("%d-%b-%Y",)),
    (r"\d{1,2}-[A-Za-z]{3}-\d{2}", ("%d-%b-%y",)),
    (r"[A-Za-z]{3,9} \d{1,2}, \d{4}", ("%b %d, %Y", "%B %d, %Y")),
    (r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4}", ("%a, %d %b %Y",)),
)

_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}(:\d{2}(:\d{2}([.,]\d{1,9})?)?)?( ?(Z|[-+]\d{2}(:?\d{2})?))?)?"
)
ISO = "ISO8601"


def date_formats(word: str) -> list[str]:
    """Return the formats that one text may be a date in, the likeliest first.

    >>> date_formats("3/4/2024 10:15")
    ['%m/%d/%Y %H:%M', '%d/%m/%Y %H:%M']
    >>> date_formats("2024-03-04"), date_formats("1.2.3.4")
    (['ISO8601'], [])
    """
    if _ISO.fullmatch(word):
        return [ISO]
    for day, formats in _DAYS:
        match = re.match(day, word)
        rest = word[match.end() :] if match else None
        for time, clock in _TIMES:
            if rest is not None and re.fullmatch(time, rest):
                spelled = clock.replace(" ", "T", 1) if rest.startswith("T") else clock
                spelled = spelled if " " in rest[1:] else spelled.replace(" %p", "%p")
                return [form + spelled for form in formats]
    return []
