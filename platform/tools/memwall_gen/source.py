# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""What every generator needs: checked access to TOML tables, name conversion, files written only when changed."""

import re
import tomllib
from pathlib import Path

CPP_KEYWORDS = frozenset(
    """alignas alignof and asm auto bool break case catch char class const constexpr continue decltype default
    delete do double else enum explicit export extern false final float for friend goto if inline int long mutable
    namespace new noexcept not nullptr operator or override private protected public register return short signed
    sizeof static struct switch template this throw true try typedef typename union unsigned using virtual void
    volatile while xor""".split()
)

HEADER = ("SPDX-FileCopyrightText: The Memwall authors", "SPDX-License-Identifier: Apache-2.0")


class SourceError(Exception):
    """A mistake in a source file; the message names the file and the entry."""


class Table:
    """A TOML table that knows where it is, and complains about keys nobody asked for."""

    def __init__(self, data, place):
        if not isinstance(data, dict):
            raise SourceError(f"{place}: expected a table")
        self.data = data
        self.place = place
        self.seen = set()

    def fail(self, text):
        raise SourceError(f"{self.place}: {text}")

    def get(self, key, kind, default=None, required=False):
        self.seen.add(key)
        if key not in self.data:
            if required:
                self.fail(f"key '{key}' is missing")
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(f"key '{key}' must be of type {kind.__name__}")
        return value

    def doc(self):
        text = self.get("doc", str, required=True).strip()
        if not text or "\n" in text:
            self.fail("key 'doc' must be one non-empty line")
        return text

    def name(self, pattern, what):
        value = self.get("name", str, required=True)
        if not re.fullmatch(pattern, value):
            self.fail(f"name '{value}' is not {what}")
        return value

    def values(self, bits):
        """The optional enum of a field: {UPPER_SNAKE = number}."""
        table = self.get("values", dict, default={})
        for key, number in table.items():
            if not re.fullmatch(UPPER_SNAKE, key):
                self.fail(f"value name '{key}' is not UPPER_SNAKE")
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < (1 << bits):
                self.fail(f"value {key} = {number} does not fit {bits} bits")
        if len(set(table.values())) != len(table):
            self.fail("two value names have the same number")
        if len({camel(k) for k in table}) != len(table):
            self.fail("two value names give the same generated name")
        return dict(table)

    def finish(self):
        unknown = sorted(set(self.data) - self.seen)
        if unknown:
            self.fail(f"unknown key '{unknown[0]}' (known: {', '.join(sorted(self.seen))})")


UPPER_SNAKE = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*"
LOWER_SNAKE = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"


def load(path):
    """The TOML file as a Table."""
    try:
        with open(path, "rb") as file:
            return Table(tomllib.load(file), str(path))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{path}: {error}") from error


def camel(name):
    """UPPER_SNAKE or lower_snake to UpperCamel: HBM_STACK_LO -> HbmStackLo."""
    return "".join(part[:1].upper() + part[1:].lower() for part in name.split("_"))


def write_if_changed(path, text):
    """Writes `text` unless the file already says so, so that dependents are rebuilt only when they must."""
    path = Path(path)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def comment_header(mark, source, extra=()):
    """The first lines of every generated file."""
    lines = [f"{mark} {line}" for line in HEADER]
    lines.append(f"{mark} Generated from {source}. Do not edit.")
    lines += [f"{mark} {line}" for line in extra]
    return lines


def hex32(value):
    return f"0x{value:08x}"


def number_macros():
    """Literals that both a C compiler and an assembler read."""
    return [
        "#ifndef MEMWALL_U32",
        "#ifdef __ASSEMBLER__",
        "#define MEMWALL_U32(x) x",
        "#define MEMWALL_U64(x) x",
        "#else",
        "#define MEMWALL_U32(x) x##u",
        "#define MEMWALL_U64(x) x##ull",
        "#endif",
        "#endif",
    ]
