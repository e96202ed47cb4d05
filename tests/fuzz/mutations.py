"""Damage to bytes and to text, whatever they mean."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable

NUMBERS = (
    *("0", "-0", "1", "-1", "2", "3.5", "0.5", "7", "64", "65", "100", "101", "1e3", "1e-3", "+5", "05"),
    *("nan", "inf", "-inf", "1e309", "-1e309", "1e-320", "1e308", "2147483647", "2147483648", "4294967296"),
    *("-2147483649", "9223372036854775808", "9" * 30, "9" * 400, "9" * 5000, "1_000", "0x10", "0b1", "1,5"),
    *("1.5.5", "5%", "", " ", "true", "null", "~", "None", "1e", "--1", "\u0663", "\uff11", "1e-9", "1/2"),
    *("1:30", "0.1e-400", "1" + "0" * 60, "0.999999999", "1.000000001", "50", "50.1", "1d", "0x1p3", "1f"),
)
WORDS = (
    *("", "none", "NONE", "x", "name", "vgg11", "resnet18", "convs", "cifar10", "../..", "/", ".", "a b"),
    *("\u00e9", "\u4e2d\u6587", "\U0001f600", "\x00", "\x1b[31m", "\u202e", "\u2028", "x" * 5000, "'", '"'),
    *(
        "a\nb",
        "\r",
        "\t",
        "%s",
        "{}",
        "{0}",
        "$(x)",
        "\\",
        "=1+1",
        "-",
        "--",
        "#",
        "!!python/none",
        "&a",
        "*a",
    ),
)
TOKEN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[A-Za-z_]\w*|[^\w\s]|\s+")
NUMBER = re.compile(r"(?<![A-Za-z_\d.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def number(rng: random.Random) -> str:
    """A number that parsers stumble over, or none at all."""
    if rng.random() < 0.3:
        return str(
            rng.choice((rng.randint(-5, 300), round(rng.uniform(-1, 2), 4), rng.randint(-(2**70), 2**70)))
        )
    return rng.choice(NUMBERS)


def word(rng: random.Random) -> str:
    """A text that parsers stumble over."""
    return rng.choice(WORDS) if rng.random() < 0.8 else number(rng)


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, doubled, swapped or put in."""
    return rng.choice(BYTES)(content, rng)


def damaged_text(content: bytes, rng: random.Random) -> bytes:
    """One token, line, separator or encoding changed; of what is no text, bytes."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return damaged_bytes(content, rng)
    changed = rng.choice(TEXTS)(text, rng)
    return changed if isinstance(changed, bytes) else changed.encode("utf-8", "surrogatepass")


def several(*kinds: Callable[[bytes, random.Random], bytes]) -> Callable[[bytes, random.Random], bytes]:
    """One to three damages, each of one of these kinds."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            content = rng.choice(kinds)(content, rng)
        return content

    return mutate


def _span(size: int, rng: random.Random) -> tuple[int, int]:
    start = rng.randint(0, size)
    return start, min(size, start + rng.choice((1, 2, 4, 16, 64, 1000)))


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8)) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[rng.randrange(len(changed))] = rng.choice((0, 255, 127, 10, 44, rng.randrange(256)))
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(len(content), rng)
    return content[:start] + content[end:]


def _double(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(len(content), rng)
    return content[:end] + content[start:]


def _insert(content: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(content))
    return content[:start] + rng.randbytes(rng.choice((1, 3, 40))) + content[start:]


def _truncate(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randint(0, len(content))]


def _swap(content: bytes, rng: random.Random) -> bytes:
    middle = rng.randint(0, len(content))
    return content[middle:] + content[:middle]


def _empty(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(
        (b"", b"\n", b"\0", b"\xff\xfe", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"<!DOCTYPE html>")
    )


def _zip(content: bytes, rng: random.Random) -> bytes:
    return gzip.compress(content, mtime=0)


def _trailing(content: bytes, rng: random.Random) -> bytes:
    return content + rng.choice((b"\0" * 1000, b"\n" * 1000, b" " * 70_000, b"x" * 70_000, b"\x1a"))


BYTES = (_flip, _flip, _set, _set, _cut, _double, _insert, _truncate, _swap, _empty, _zip, _trailing)


def _replace(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def _other_number(text: str, rng: random.Random) -> str:
    found = list(NUMBER.finditer(text))
    return _replace(text, rng.choice(found).span(), number(rng)) if found else text + number(rng)


def _token(text: str, rng: random.Random) -> str:
    found = list(TOKEN.finditer(text))
    if not found:
        return word(rng)
    token = rng.choice(found)
    return _replace(
        text, token.span(), rng.choice(("", token[0] * 2, word(rng), number(rng), token[0].upper()))
    )


def _swap_tokens(text: str, rng: random.Random) -> str:
    found = [match[0] for match in TOKEN.finditer(text)]
    if len(found) > 1:
        first, second = rng.randrange(len(found)), rng.randrange(len(found))
        found[first], found[second] = found[second], found[first]
    return "".join(found)


def _lines(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return "\n"
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(to, lines[at])
    elif kind == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif kind == 3:
        lines[at] = lines[at].rstrip("\n")
    else:
        lines.insert(
            at,
            rng.choice(("\n", "#\n", ",,,,\n", "   \n", "\t\n", f"{word(rng)}\n", '"\n', "---\n", "[x]\n")),
        )
    return "".join(lines)


def _separators(text: str, rng: random.Random) -> str:
    old, new = rng.choice(
        (
            (",", ";"),
            (",", "\t"),
            (",", "|"),
            (",", ", "),
            ("\n", "\r\n"),
            ("\n", "\r"),
            ("\n", "\u2028"),
            (":", "="),
            ("=", ":"),
            (".", ","),
            (" ", ""),
            (" ", "\t"),
            (" ", "\xa0"),
            ("\n", "\n\n"),
            ("_", " "),
        )
    )
    return text.replace(old, new)


def _encoding(text: str, rng: random.Random) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-7")), "surrogatepass")
    if kind == 1:
        return (text + "\u00e9").encode("latin-1", "replace")
    if kind == 2:
        return b"\xef\xbb\xbf" * rng.choice((1, 2)) + text.encode()
    if kind == 3:
        return text.replace("a", "\u0430").encode()  # a Cyrillic letter that looks the same
    if kind == 4:
        return b"\xed\xb2\x80" + text.encode()  # half of a surrogate pair
    return text.encode().replace(b"\n", b"\x85")


def _long(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return (
        text[:at]
        + rng.choice(("9", "x", "[", '"', ",", "(", "- ", "\n", "{a: ")) * rng.choice((300, 140_000))
        + text[at:]
    )


def _quotes(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(('"', "'", '""', '"\n', "`", "\\", "\x00")) + text[at:]


def _bytes(text: str, rng: random.Random) -> bytes:
    return damaged_bytes(text.encode("utf-8", "surrogatepass"), rng)


TEXTS: tuple[Callable[[str, random.Random], str | bytes], ...] = (
    *(_other_number, _other_number, _other_number, _token, _token, _swap_tokens, _lines, _lines),
    *(_separators, _encoding, _quotes, _bytes, _bytes, _long),
)
