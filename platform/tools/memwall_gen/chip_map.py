# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""chip_map.toml -> C++ decoder, C header, linker-script memory regions, Markdown."""

import re
from dataclasses import dataclass

from memwall_gen.source import LOWER_SNAKE, Table, camel, comment_header, load, number_macros

KINDS = ("registers", "memory")


@dataclass
class Window:
    name: str
    doc: str
    base: int
    size_bytes: int
    count: int  # 0: a single window, else an array
    stride: int
    kind: str
    linker: str

    @property
    def elements(self):
        return max(1, self.count)

    @property
    def end(self):
        return self.base + (self.elements - 1) * self.stride + self.size_bytes


@dataclass
class Interrupt:
    name: str
    doc: str
    number: int
    count: int

    @property
    def last(self):
        return self.number + max(1, self.count) - 1


@dataclass
class ChipMap:
    source: str
    sources: int
    windows: list
    interrupts: list


def parse_map(path, source):
    root = load(path)
    plic = Table(root.get("plic", dict, required=True), f"{path}: plic")
    chip = ChipMap(source, plic.get("sources", int, required=True), [], [])
    if not 2 <= chip.sources <= 1024:
        plic.fail("sources must lie in 2..1024")
    plic.finish()
    for entry in root.get("window", list, required=True):
        table = Table(entry, f"{path}: window")
        name = table.name(LOWER_SNAKE, "lower_snake")
        table.place += f" {name}"
        base = table.get("base", int, required=True)
        size = table.get("size_bytes", int, required=True)
        count = table.get("count", int, default=0)
        stride = table.get("stride", int, default=size)
        kind = table.get("kind", str, required=True)
        linker = table.get("linker", str, default="")
        window = Window(name, table.doc(), base, size, count, stride, kind, linker)
        table.finish()
        if kind not in KINDS:
            table.fail(f"kind '{kind}' is none of {', '.join(KINDS)}")
        if linker and (not re.fullmatch(r"[rwx]+", linker) or count):
            table.fail("linker must be made of r, w, x, on a single window")
        if size <= 0 or size % 4096 or base < 0 or base % 4096:
            table.fail("base and size_bytes must be multiples of 4096")
        if "count" in table.data and count < 1:
            table.fail("count must be at least 1")
        if stride < size:
            table.fail("stride is smaller than size_bytes")
        if window.end > 1 << 56:
            table.fail("ends behind the 56-bit physical address space")
        for other in chip.windows:
            if other.name == name:
                table.fail("the name appears twice")
            if window.base < other.end and other.base < window.end:
                table.fail(f"overlaps window {other.name}")
        chip.windows.append(window)
    for entry in root.get("interrupt", list, required=True):
        table = Table(entry, f"{path}: interrupt")
        name = table.name(LOWER_SNAKE, "lower_snake")
        table.place += f" {name}"
        irq = Interrupt(name, table.doc(), table.get("number", int, required=True), table.get("count", int, default=0))
        table.finish()
        if "count" in table.data and irq.count < 1:
            table.fail("count must be at least 1")
        if irq.number < 1 or irq.last >= chip.sources:
            table.fail(f"numbers must lie in 1..{chip.sources - 1}")
        for other in chip.interrupts:
            if other.name == name:
                table.fail("the name appears twice")
            if irq.number <= other.last and other.number <= irq.last:
                table.fail(f"shares a number with {other.name}")
        chip.interrupts.append(irq)
    root.finish()
    chip.windows.sort(key=lambda w: w.base)
    return chip


def emit_cpp(chip):
    out = comment_header("//", chip.source)
    out += [
        "/// @file", "/// Address map and interrupt numbers of one chip; the same on every chip.", "#pragma once", "",
        "#include <cstddef>", "#include <cstdint>", "", "namespace memwall::map {", "",
        "/// Position in kWindows.", "enum class WindowId : std::uint32_t {",
    ]
    out += [f"  k{camel(w.name)} = {i}," for i, w in enumerate(chip.windows)]
    out += [
        "};", "",
        "/// `count` equal windows, `stride` bytes apart.", "struct Window {", "  WindowId id;", "  const char* name;",
        "  std::uint64_t base;", "  std::uint64_t size_bytes;", "  std::uint32_t count;", "  std::uint64_t stride;",
        "  bool is_array;   ///< instances are numbered", "  bool is_memory;  ///< memory, not registers", "};", "",
        "/// Every window in ascending order of address.", "inline constexpr Window kWindows[] = {",
    ]
    for w in chip.windows:
        out.append(
            f'    {{WindowId::k{camel(w.name)}, "{w.name}", 0x{w.base:x}, 0x{w.size_bytes:x}, {w.elements}, 0x{w.stride:x}, '
            f'{"true" if w.count else "false"}, {"true" if w.kind == "memory" else "false"}}},'
        )
    out += ["};", f"inline constexpr std::size_t kWindowCount = {len(chip.windows)};", ""]
    for w in chip.windows:
        name = camel(w.name)
        out += [f"/// {w.doc}", f"inline constexpr std::uint64_t k{name}Base = 0x{w.base:x};",
                f"inline constexpr std::uint64_t k{name}Size = 0x{w.size_bytes:x};"]
        if w.count:
            out += [f"inline constexpr std::uint32_t k{name}Count = {w.count};",
                    f"constexpr std::uint64_t {w.name}_base(std::uint32_t index) {{ return k{name}Base + index * 0x{w.stride:x}ull; }}"]
    out += ["", f"/// Interrupt sources of the PLIC, source 0 (none) included.", f"inline constexpr std::uint32_t kPlicSources = {chip.sources};"]
    for irq in chip.interrupts:
        name = camel(irq.name)
        out += [f"/// {irq.doc}", f"inline constexpr std::uint32_t k{name}Irq = {irq.number};"]
        if irq.count:
            out += [f"inline constexpr std::uint32_t k{name}IrqCount = {irq.count};",
                    f"constexpr std::uint32_t {irq.name}_irq(std::uint32_t index) {{ return k{name}Irq + index; }}"]
    out += [
        "", "/// Where an address leads.", "struct Decoded {", "  bool valid;", "  WindowId id;", "  std::uint32_t index;   ///< instance within the window's array",
        "  std::uint64_t offset;  ///< from the start of that instance", "};", "",
        "constexpr Decoded decode(std::uint64_t address) {",
        "  for (const Window& w : kWindows) {",
        "    if (address < w.base) break;",
        "    const std::uint64_t distance = address - w.base;",
        "    const std::uint64_t index = distance / w.stride;",
        "    if (index >= w.count) continue;",
        "    const std::uint64_t offset = distance - index * w.stride;",
        "    if (offset < w.size_bytes) return {true, w.id, static_cast<std::uint32_t>(index), offset};",
        "  }", "  return {false, WindowId{}, 0, 0};", "}", "", "}  // namespace memwall::map", "",
    ]
    return "\n".join(out)


def emit_c(chip):
    out = comment_header("//", chip.source) + ["// Address map and interrupt numbers of one chip; the same on every chip.",
                                               "#ifndef MEMWALL_MEMORY_MAP_H", "#define MEMWALL_MEMORY_MAP_H", ""]
    out += number_macros()
    for w in chip.windows:
        up = w.name.upper()
        out += ["", f"// {w.doc}"]
        if w.count:
            out += [f"#define MAP_{up}_BASE(i) (MEMWALL_U64(0x{w.base:x}) + (i) * MEMWALL_U64(0x{w.stride:x}))",
                    f"#define MAP_{up}_COUNT MEMWALL_U32({w.count})"]
        else:
            out.append(f"#define MAP_{up}_BASE MEMWALL_U64(0x{w.base:x})")
        out.append(f"#define MAP_{up}_SIZE MEMWALL_U64(0x{w.size_bytes:x})")
    out += ["", f"#define IRQ_SOURCES MEMWALL_U32({chip.sources})"]
    for irq in chip.interrupts:
        up = irq.name.upper()
        out.append(f"// {irq.doc}")
        if irq.count:
            out += [f"#define IRQ_{up}(i) (MEMWALL_U32({irq.number}) + (i))", f"#define IRQ_{up}_COUNT MEMWALL_U32({irq.count})"]
        else:
            out.append(f"#define IRQ_{up} MEMWALL_U32({irq.number})")
    out += ["", "#endif  // MEMWALL_MEMORY_MAP_H", ""]
    return "\n".join(out)


def emit_ld(chip):
    out = [f"/* {line} */" for line in ("SPDX-FileCopyrightText: The Memwall authors", "SPDX-License-Identifier: Apache-2.0")]
    out += [f"/* Generated from {chip.source}. Do not edit. */", "MEMORY", "{"]
    for w in chip.windows:
        if w.linker:
            out.append(f"  {w.name} ({w.linker}) : ORIGIN = 0x{w.base:x}, LENGTH = 0x{w.size_bytes:x}")
    out += ["}", ""]
    return "\n".join(out)


def emit_markdown(chip):
    out = ["<!-- SPDX-FileCopyrightText: The Memwall authors -->", "<!-- SPDX-License-Identifier: Apache-2.0 -->", "# Chip map", "",
           f"The same on every chip. Generated from `{chip.source}`.", "", "| base | size | window | meaning |", "|---|---|---|---|"]
    for w in chip.windows:
        base = f"0x{w.base:x}" + (f" + i·0x{w.stride:x}" if w.count else "")
        name = w.name + (f"[{w.count}]" if w.count else "")
        out.append(f"| {base} | 0x{w.size_bytes:x} | {name} | {w.doc} |")
    out += ["", "| interrupt | source | meaning |", "|---|---|---|"]
    for irq in chip.interrupts:
        numbers = f"{irq.number}..{irq.last}" if irq.count else str(irq.number)
        out.append(f"| {numbers} | {irq.name} | {irq.doc} |")
    return "\n".join(out) + "\n"
