"""Compare what a block prints with what its page shows."""

import re

# A number with a point or an exponent. Integers, and digits within words or versions, are text:
# so shapes, dtypes and devices must agree exactly.
NUMBER = re.compile(
    r"""(?<![\w.]) [-+]? (?:\d+\.(?P<decimals>\d*) | \.\d+ | \d+(?=e))
        (?:e(?P<exponent>[-+]?\d+))? (?!\w|\.\d)""",
    re.VERBOSE | re.IGNORECASE,
)
DEVICES = "(?:cuda|standin)"
MARKED = re.compile(r"( *)\0")


def first_difference(shown: str, printed: str, ignore_whitespace: bool = False) -> int | None:
    """Find the first line that differs, counted from 0; None when all lines agree.

    White space at the end of a line, and empty lines at the end, never count. With
    `ignore_whitespace` no line break counts either, nor how many spaces stand anywhere.
    """
    ours, theirs = lines_of(shown), lines_of(printed)
    if ignore_whitespace:
        ours, theirs = [_squeeze(" ".join(ours))], [_squeeze(" ".join(theirs))]
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if not _same_line(one, other):
            return number
    return None if len(ours) == len(theirs) else min(len(ours), len(theirs))


def lines_of(text: str) -> list[str]:
    """Split an output into lines, without the white space that nobody sees."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n").split("\n")


def as_on_cpu(printed: str) -> str:
    """Rename the device in an output as the CPU, whose name the pages show."""
    printed = re.sub(rf", device='{DEVICES}:\d+'", "", printed)
    return re.sub(rf"\b{DEVICES}(:\d+)?\b", "cpu", printed)


def _same_line(shown: str, printed: str) -> bool:
    if shown == printed:
        return True
    numbers = list(zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=False))
    if not all(_same_number(one, other) for one, other in numbers):
        return False
    if NUMBER.sub("\0", shown) == NUMBER.sub("\0", printed):
        return True
    # A column of numbers is padded: a sign or one more digit takes the place of a space.
    return len(shown) == len(printed) and _unpadded(shown) == _unpadded(printed)


def _same_number(shown: re.Match[str], printed: re.Match[str]) -> bool:
    """Whether two written numbers can be roundings of one number.

    The last written digit may be off by one, where three or more are written after the point;
    a number on the page with fewer digits than the block prints is right if it is well rounded.
    """
    value, other = float(shown[0]), float(printed[0])
    digits, more = len(shown["decimals"] or ""), len(printed["decimals"] or "")
    scale = 10.0 ** int(shown["exponent"] or 0)
    unit = scale * 10.0**-digits if digits else 0.0
    allowed = unit if digits >= 3 else 0.0
    if more > digits:
        allowed = unit / 2
    # What float32 leaves uncertain, however many digits are written.
    noise = 1e-6 * abs(value)
    return abs(value - other) <= allowed + noise


def _unpadded(line: str) -> str:
    return MARKED.sub("\0", NUMBER.sub("\0", line))


def _squeeze(line: str) -> str:
    line = " ".join(line.split())
    return re.sub(r" ?([\[\](){},:=]) ?", r"\1", line)
