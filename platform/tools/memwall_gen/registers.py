# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""regs.toml -> checked Block. All registers are 32 bits wide; see platform/docs/registers.md for the format."""

import re
from dataclasses import dataclass, field

from memwall_gen.source import CPP_KEYWORDS, LOWER_SNAKE, UPPER_SNAKE, Table, camel, load

ACCESS = ("rw", "ro", "wo", "w1c", "w1s", "const")
# Methods of the generated class that a register's accessor must not hide.
TAKEN = frozenset(("read", "write", "reset", "debug_read", "defined", "index_of"))
SV_SUFFIXES = ("Offset", "Count", "Stride", "ResetValue", "WritableMask", "ReadableMask", "W1cMask", "W1sMask")


@dataclass
class Field:
    name: str
    doc: str
    msb: int
    lsb: int
    access: str
    reset: int
    values: dict

    @property
    def width(self):
        return self.msb - self.lsb + 1

    @property
    def mask(self):
        return ((1 << self.width) - 1) << self.lsb

    @property
    def bits(self):
        return str(self.lsb) if self.width == 1 else f"{self.msb}:{self.lsb}"


@dataclass
class Register:
    name: str
    doc: str
    offset: int
    hooks: tuple
    count: int  # 0: a single register, else the length of the array
    stride: int
    fields: list = field(default_factory=list)

    @property
    def elements(self):
        return max(1, self.count)

    def offsets(self):
        return [self.offset + i * self.stride for i in range(self.elements)]

    @property
    def reset(self):
        return sum(f.reset << f.lsb for f in self.fields)

    def mask(self, *access):
        return sum(f.mask for f in self.fields if f.access in access)

    @property
    def readable_mask(self):
        return self.mask("rw", "ro", "w1c", "w1s", "const")

    @property
    def writable_mask(self):
        return self.mask("rw", "wo")

    @property
    def lower(self):
        return self.name.lower()

    @property
    def camel(self):
        return camel(self.name)


@dataclass
class Block:
    name: str
    doc: str
    size_bytes: int
    source: str
    registers: list

    @property
    def camel(self):
        return camel(self.name)

    @property
    def upper(self):
        return self.name.upper()


def parse_field(table):
    name = table.name(UPPER_SNAKE, "UPPER_SNAKE")
    table.place += f" field {name}"
    match = re.fullmatch(r"(\d+)(?::(\d+))?", table.get("bits", str, required=True))
    if not match:
        table.fail("bits must be \"n\" or \"msb:lsb\"")
    msb = int(match[1])
    lsb = int(match[2]) if match[2] is not None else msb
    if not 0 <= lsb <= msb <= 31:
        table.fail(f"bits {match[0]} are not within 31:0 in the order msb:lsb")
    access = table.get("access", str, required=True)
    if access not in ACCESS:
        table.fail(f"access '{access}' is none of {', '.join(ACCESS)}")
    reset = table.get("reset", int, default=0)
    if not 0 <= reset < (1 << (msb - lsb + 1)):
        table.fail(f"reset {reset} does not fit bits {match[0]}")
    if access == "wo" and reset != 0:
        table.fail("a wo field reads 0 and cannot have another reset value")
    result = Field(name, table.doc(), msb, lsb, access, reset, table.values(msb - lsb + 1))
    table.finish()
    return result


def parse_register(table, block_place):
    name = table.name(UPPER_SNAKE, "UPPER_SNAKE")
    table.place = f"{block_place}: register {name}"
    if name.lower() in CPP_KEYWORDS or name.lower() in TAKEN:
        table.fail(f"'{name.lower()}' cannot be an accessor name in C++")
    offset = table.get("offset", int, required=True)
    if offset < 0 or offset % 4:
        table.fail(f"offset {offset:#x} is not a multiple of 4")
    hooks = table.get("hooks", list, default=[])
    for hook in hooks:
        if hook not in ("read", "write"):
            table.fail(f"hook '{hook}' is none of read, write")
    if len(set(hooks)) != len(hooks):
        table.fail("a hook is listed twice")
    count = table.get("count", int, default=0)
    if "count" in table.data and count < 1:
        table.fail("count must be at least 1")
    if "stride" in table.data and not count:
        table.fail("stride without count")
    stride = table.get("stride", int, default=4)
    if stride < 4 or stride % 4:
        table.fail(f"stride {stride} is not a multiple of 4")
    register = Register(name, table.doc(), offset, tuple(hooks), count, stride)
    used = 0
    names = set()
    for entry in table.get("fields", list, required=True):
        parsed = parse_field(Table(entry, table.place))
        if used & parsed.mask:
            table.fail(f"field {parsed.name} (bits {parsed.bits}) overlaps another field")
        if parsed.name in names:
            table.fail(f"field name {parsed.name} appears twice")
        used |= parsed.mask
        names.add(parsed.name)
        register.fields.append(parsed)
    if not register.fields:
        table.fail("a register needs at least one field")
    table.finish()
    return register


def check_generated_names(block, root):
    """Different registers and fields must not meet in one generated identifier."""
    seen = {}

    def add(name, owner):
        if name in seen and seen[name] != owner:
            root.fail(f"{owner} and {seen[name]} give the same generated name '{name}'")
        seen[name] = owner

    def add_all(names, owner):
        for name in names:
            add(name, owner)

    for register in block.registers:
        owner = f"register {register.name}"
        name = register.camel
        add(register.lower + "()", owner)
        add_all([f"k{name}{suffix}" for suffix in ("Offset", "Reset", "Count", "Stride")], owner)
        add_all([f"{register.name}_{suffix}" for suffix in ("OFFSET", "RESET", "COUNT")], owner)
        add_all([name + suffix for suffix in SV_SUFFIXES], owner)
        for entry in register.fields:
            sub = f"{owner} field {entry.name}"
            both = name + camel(entry.name)
            add(f"{register.lower}_{entry.name.lower()}()", sub)
            add_all([f"k{both}Mask", f"k{both}Shift", f"enum {both}"], sub)
            add_all([f"{register.name}_{entry.name}_{suffix}" for suffix in ("MASK", "SHIFT")], sub)
            add_all([both + suffix for suffix in ("Mask", "Shift", "Width")], sub)
            for value in entry.values:
                add(f"{register.name}_{entry.name}_{value}", f"{sub} value {value}")
                add(both + camel(value), f"{sub} value {value}")


def parse_block(path, source):
    """Reads and checks a regs.toml; `source` is how generated files name it."""
    root = load(path)
    head = Table(root.get("block", dict, required=True), f"{path}: block")
    block = Block(head.name(LOWER_SNAKE, "lower_snake"), head.doc(), head.get("size_bytes", int, required=True), source, [])
    if block.size_bytes < 4 or block.size_bytes & (block.size_bytes - 1):
        head.fail(f"size_bytes {block.size_bytes:#x} is not a power of two")
    head.finish()
    used = {}
    for entry in root.get("register", list, required=True):
        register = parse_register(Table(entry, f"{path}: register"), path)
        if any(register.name == other.name for other in block.registers):
            root.fail(f"register {register.name} appears twice")
        for offset in register.offsets():
            if offset in used:
                root.fail(f"register {register.name} at {offset:#x} overlaps {used[offset]}")
            if offset + 4 > block.size_bytes:
                root.fail(f"register {register.name} at {offset:#x} lies outside size_bytes {block.size_bytes:#x}")
            used[offset] = register.name
        block.registers.append(register)
    root.finish()
    block.registers.sort(key=lambda r: r.offset)
    check_generated_names(block, root)
    return block
