# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""A descriptor layout in TOML -> C++ struct, C struct, SystemVerilog package, Markdown table."""

from dataclasses import dataclass

from memwall_gen.source import (
    CPP_KEYWORDS, LOWER_SNAKE, Table, camel, comment_header, load, number_macros,
)

# type -> (bytes, C type)
TYPES = {"u8": (1, "uint8_t"), "u16": (2, "uint16_t"), "u32": (4, "uint32_t"), "u64": (8, "uint64_t"), "f32": (4, "float")}


@dataclass
class Member:
    name: str
    doc: str
    offset: int
    type: str
    count: int
    values: dict

    @property
    def item_bytes(self):
        return TYPES[self.type][0]

    @property
    def size_bytes(self):
        return self.item_bytes * max(1, self.count)

    @property
    def c_type(self):
        return TYPES[self.type][1]

    @property
    def suffix(self):
        return f"[{self.count}]" if self.count else ""


@dataclass
class Struct:
    name: str
    doc: str
    size_bytes: int
    source: str
    members: list

    @property
    def camel(self):
        return camel(self.name)

    @property
    def upper(self):
        return self.name.upper()

    def with_padding(self):
        """Members in order, gaps filled by reserved bytes, so that no compiler adds its own."""
        out, at = [], 0
        for member in self.members:
            if member.offset > at:
                out.append(Member(f"reserved_{at}", "Reserved, write 0.", at, "u8", member.offset - at, {}))
            out.append(member)
            at = member.offset + member.size_bytes
        if at < self.size_bytes:
            out.append(Member(f"reserved_{at}", "Reserved, write 0.", at, "u8", self.size_bytes - at, {}))
        return out


def parse_struct(path, source):
    root = load(path)
    head = Table(root.get("struct", dict, required=True), f"{path}: struct")
    struct = Struct(head.name(LOWER_SNAKE, "lower_snake"), head.doc(), head.get("size_bytes", int, required=True), source, [])
    if struct.size_bytes < 1 or struct.size_bytes % 8:
        head.fail(f"size_bytes {struct.size_bytes} is not a multiple of 8")
    head.finish()
    for entry in root.get("field", list, required=True):
        table = Table(entry, f"{path}: field")
        name = table.name(LOWER_SNAKE, "lower_snake")
        table.place += f" {name}"
        if name in CPP_KEYWORDS:
            table.fail(f"'{name}' cannot be a member name in C++")
        kind = table.get("type", str, required=True)
        if kind not in TYPES:
            table.fail(f"type '{kind}' is none of {', '.join(TYPES)}")
        count = table.get("count", int, default=0)
        if "count" in table.data and count < 1:
            table.fail("count must be at least 1")
        offset = table.get("offset", int, required=True)
        size = TYPES[kind][0]
        if offset < 0 or offset % size:
            table.fail(f"offset {offset} is not aligned to its {size} bytes")
        if "values" in table.data and kind == "f32":
            table.fail("an f32 field cannot have values")
        values = table.values(8 * size)
        member = Member(name, table.doc(), offset, kind, count, values)
        table.finish()
        for other in struct.members:
            if other.name == name:
                table.fail("the name appears twice")
            if member.offset < other.offset + other.size_bytes and other.offset < member.offset + member.size_bytes:
                table.fail(f"overlaps field {other.name}")
        if member.offset + member.size_bytes > struct.size_bytes:
            table.fail(f"ends behind size_bytes {struct.size_bytes}")
        struct.members.append(member)
    root.finish()
    struct.members.sort(key=lambda m: m.offset)
    return struct


def emit_cpp(struct):
    out = comment_header("//", struct.source)
    out += ["/// @file", f"/// {struct.doc}", "#pragma once", "", "#include <cstddef>", "#include <cstdint>", "",
            "namespace memwall::desc {", ""]
    for member in struct.members:
        if member.values:
            items = ", ".join(f"k{camel(k)} = {v}" for k, v in member.values.items())
            out += [f"/// {member.doc}", f"enum class {camel(member.name)} : std::{member.c_type} {{ {items} }};", ""]
    out += [f"/// {struct.doc} {struct.size_bytes} bytes.", f"struct {struct.camel} {{"]
    for member in struct.with_padding():
        ctype = member.c_type if member.type == "f32" else f"std::{member.c_type}"
        init = "{}" if member.count else " = 0"
        out.append(f"  {ctype} {member.name}{member.suffix}{init};  ///< {member.doc}")
    out += ["};", "", f"static_assert(sizeof({struct.camel}) == {struct.size_bytes});"]
    out += [f"static_assert(offsetof({struct.camel}, {m.name}) == {m.offset});" for m in struct.members]
    out += ["", "}  // namespace memwall::desc", ""]
    return "\n".join(out)


def emit_c(struct):
    guard = f"MEMWALL_DESC_{struct.upper}_H"
    out = comment_header("//", struct.source)
    out += [f"#ifndef {guard}", f"#define {guard}", "", "#include <stddef.h>", "#include <stdint.h>", ""]
    out += number_macros() + ["", f"#define {struct.upper}_SIZE_BYTES MEMWALL_U32({struct.size_bytes})"]
    for member in struct.members:
        for key, value in member.values.items():
            out.append(f"#define {struct.upper}_{member.name.upper()}_{key} MEMWALL_U32({value})")
    out += ["", f"// {struct.doc}", "typedef struct {"]
    for member in struct.with_padding():
        out.append(f"  {member.c_type} {member.name}{member.suffix};  // {member.doc}")
    out += [f"}} {struct.name}_t;", ""]
    out.append(f'_Static_assert(sizeof({struct.name}_t) == {struct.size_bytes}, "size of {struct.name}_t");')
    out += [f'_Static_assert(offsetof({struct.name}_t, {m.name}) == {m.offset}, "offset of {m.name}");' for m in struct.members]
    out += ["", f"#endif  // {guard}", ""]
    return "\n".join(out)


def emit_sv(struct):
    out = comment_header("//", struct.source, (struct.doc, "Offsets are in bytes, little-endian."))
    out += ["", "// verilator lint_off UNUSEDPARAM", f"package {struct.name}_pkg;", "", f"  localparam int unsigned SizeBytes = {struct.size_bytes};"]
    for member in struct.members:
        name = camel(member.name)
        out += ["", f"  // {member.doc}", f"  localparam int unsigned {name}Offset = {member.offset};"]
        out.append(f"  localparam int unsigned {name}Bits = {8 * member.item_bytes};")
        if member.count:
            out.append(f"  localparam int unsigned {name}Count = {member.count};")
        for key, value in member.values.items():
            bits = 8 * member.item_bytes
            out.append(f"  localparam logic [{bits - 1}:0] {name}{camel(key)} = {bits}'d{value};")
    out += ["", "endpackage", "// verilator lint_on UNUSEDPARAM", ""]
    return "\n".join(out)


def emit_markdown(struct):
    out = ["<!-- SPDX-FileCopyrightText: The Memwall authors -->", "<!-- SPDX-License-Identifier: Apache-2.0 -->"]
    out += [f"# {struct.name}", "", f"{struct.doc} {struct.size_bytes} bytes. Generated from `{struct.source}`.", "",
            "| byte | field | type | meaning |", "|---|---|---|---|"]
    for member in struct.with_padding():
        doc = member.doc
        if member.values:
            doc += " Values: " + ", ".join(f"{v} {k}" for k, v in member.values.items()) + "."
        escaped = doc.replace("|", "\\|")
        out.append(f"| {member.offset} | {member.name} | {member.type}{member.suffix} | {escaped} |")
    return "\n".join(out) + "\n"
