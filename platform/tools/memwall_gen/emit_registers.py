# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""Block -> C++ register bank, C header, SystemVerilog package, Markdown table."""

from memwall_gen.source import camel, comment_header, hex32, number_macros


def emit_cpp(block):
    out = comment_header("//", block.source)
    out += [
        "/// @file",
        f"/// Register bank of block {block.name}: {block.doc}",
        "#pragma once",
        "",
        "#include <cstddef>",
        "#include <cstdint>",
        "",
        '#include "common/register_bank.h"',
        "",
        "namespace memwall::regs {",
        "",
        f"/// {block.doc}",
        f"class {block.camel}Regs : public RegisterBank {{",
        " public:",
        f"  static constexpr std::uint32_t kSizeBytes = 0x{block.size_bytes:x};",
    ]
    for register in block.registers:
        out += _cpp_constants(register)
    total = sum(r.elements for r in block.registers)
    out += ["", "  /// Every register; array elements one by one.", "  static constexpr RegisterInfo kTable[] = {"]
    for register in block.registers:
        for i, offset in enumerate(register.offsets()):
            label = f"{register.name}[{i}]" if register.count else register.name
            flags = ", ".join("true" if hook in register.hooks else "false" for hook in ("read", "write"))
            out.append(
                f'      {{"{label}", 0x{offset:x}, {hex32(register.reset)}, {hex32(register.writable_mask)}, '
                f'{hex32(register.mask("w1c"))}, {hex32(register.mask("w1s"))}, {hex32(register.readable_mask)}, '
                f'{hex32(register.mask("const"))}, {flags}}},'
            )
    out += [
        "  };",
        f"  static constexpr std::size_t kTableSize = {total};",
        "",
        f"  {block.camel}Regs() {{ {block.camel}Regs::reset(); }}",
        "",
        "  /// Position in kTable of the register at `offset`, or -1 if there is none.",
        "  static constexpr int index_of(std::uint32_t offset) {",
        "    if (offset % 4 != 0) return -1;",
    ]
    position = {}
    index = 0
    scalars = []
    for register in block.registers:
        position[register.name] = index
        if register.count and register.count > 4:
            end = register.offset + (register.count - 1) * register.stride
            guard = "" if register.stride == 4 else f" && (offset - 0x{register.offset:x}) % {register.stride} == 0"
            above = f"offset >= 0x{register.offset:x} && " if register.offset else ""
            out.append(f"    if ({above}offset <= 0x{end:x}{guard})")
            base = f"offset - 0x{register.offset:x}" if register.offset else "offset"
            out.append(f"      return {index} + static_cast<int>(({base}) / {register.stride});")
        else:
            scalars += [(o, index + i) for i, o in enumerate(register.offsets())]
        index += register.elements
    if scalars:
        out.append("    switch (offset) {")
        out += [f"      case 0x{offset:x}: return {i};" for offset, i in scalars]
        out += ["      default: return -1;", "    }"]
    else:
        out.append("    return -1;")
    out += [
        "  }",
        "",
        "  bool defined(std::uint32_t offset) const override { return index_of(offset) >= 0; }",
        "  /// Software read: false at an undefined or unaligned offset.",
        "  bool read(std::uint32_t offset, std::uint32_t& value) override {",
        "    const int index = index_of(offset);",
        "    if (index < 0) return false;",
    ]
    out += _hook_dispatch(block, position, "read")
    out += [
        "    value = values_[index] & kTable[index].readable_mask;",
        "    return true;",
        "  }",
        "  /// Software write under each bit's access policy: false at an undefined or unaligned offset.",
        "  bool write(std::uint32_t offset, std::uint32_t value) override {",
        "    const int index = index_of(offset);",
        "    if (index < 0) return false;",
        "    values_[index] = after_write(kTable[index], values_[index], value);",
    ]
    out += _hook_dispatch(block, position, "write")
    out += [
        "    return true;",
        "  }",
        "  /// What a software read would return now, without its side effects.",
        "  bool debug_read(std::uint32_t offset, std::uint32_t& value) const override {",
        "    const int index = index_of(offset);",
        "    if (index < 0) return false;",
        "    value = values_[index] & kTable[index].readable_mask;",
        "    return true;",
        "  }",
        "  /// Every register to its reset value; calls no hook.",
        "  virtual void reset() {",
        "    for (std::size_t i = 0; i < kTableSize; ++i) values_[i] = kTable[i].reset;",
        "  }",
        "",
        "  // The hardware side: no access policy, no hooks. Constant fields keep their value.",
    ]
    for register in block.registers:
        out += _cpp_accessors(register, position[register.name])
    hooks = [(r, h) for r in block.registers for h in ("read", "write") if h in r.hooks]
    if hooks:
        out += ["", " protected:"]
        for register, hook in hooks:
            args = ["std::uint32_t index"] if register.count else []
            if hook == "write":
                args.append("std::uint32_t written")
                when = "after the store; `written` is the raw value on the bus"
            else:
                when = "before the value is returned"
            out.append(f"  /// Software {hook} of {register.name}, {when}.")
            out.append(f"  virtual void on_{hook}_{register.lower}({', '.join(args)}) = 0;")
    out += ["", " private:", f"  std::uint32_t values_[{total}];", "};", "", "}  // namespace memwall::regs", ""]
    return "\n".join(out)


def _cpp_constants(register):
    out = ["", f"  // {register.name}: {register.doc}"]
    out.append(f"  static constexpr std::uint32_t k{register.camel}Offset = 0x{register.offset:x};")
    if register.count:
        out.append(f"  static constexpr std::uint32_t k{register.camel}Count = {register.count};")
        out.append(f"  static constexpr std::uint32_t k{register.camel}Stride = {register.stride};")
    out.append(f"  static constexpr std::uint32_t k{register.camel}Reset = {hex32(register.reset)};")
    for entry in register.fields:
        name = register.camel + camel(entry.name)
        out.append(f"  static constexpr std::uint32_t k{name}Mask = {hex32(entry.mask)};  ///< {entry.doc}")
        out.append(f"  static constexpr std::uint32_t k{name}Shift = {entry.lsb};")
        if entry.values:
            items = ", ".join(f"k{camel(k)} = {v}" for k, v in entry.values.items())
            out.append(f"  enum class {name} : std::uint32_t {{ {items} }};")
    return out


def _hook_dispatch(block, position, hook):
    out = []
    for register in block.registers:
        if hook not in register.hooks:
            continue
        first = position[register.name]
        args = [] if hook == "read" else ["value"]
        if register.count:
            args.insert(0, f"static_cast<std::uint32_t>(index{f' - {first}' if first else ''})")
            lower = f"index >= {first} && " if first else ""
            condition = f"{lower}index < {first + register.count}"
        else:
            condition = f"index == {first}"
        out.append(f"    if ({condition}) on_{hook}_{register.lower}({', '.join(args)});")
    return out


def _cpp_accessors(register, first):
    constant = register.mask("const")
    index = "std::uint32_t index" if register.count else ""
    slot = (f"values_[{first} + index]" if first else "values_[index]") if register.count else f"values_[{first}]"
    comma = ", " if register.count else ""
    settable = [f for f in register.fields if f.access != "const"]
    out = [f"  std::uint32_t {register.lower}({index}) const {{ return {slot}; }}"]
    if settable:
        body = f"{slot} = value;"
        if constant:
            body = f"{slot} = (value & {hex32(~constant & 0xFFFFFFFF)}) | ({slot} & {hex32(constant)});"
        out.append(f"  void set_{register.lower}({index}{comma}std::uint32_t value) {{ {body} }}")
    for entry in register.fields:
        lower = f"{register.lower}_{entry.name.lower()}"
        name = f"k{register.camel}{camel(entry.name)}"
        out.append(f"  std::uint32_t {lower}({index}) const {{ return ({slot} & {name}Mask) >> {name}Shift; }}")
        if entry.access == "const":
            continue
        out.append(
            f"  void set_{lower}({index}{comma}std::uint32_t value) {{ "
            f"{slot} = ({slot} & ~{name}Mask) | ((value << {name}Shift) & {name}Mask); }}"
        )
        if entry.values:
            enum = register.camel + camel(entry.name)
            call = f"set_{lower}({'index, ' if register.count else ''}static_cast<std::uint32_t>(value))"
            out.append(f"  void set_{lower}({index}{comma}{enum} value) {{ {call}; }}")
    return out


def emit_c(block):
    guard = f"MEMWALL_REGS_{block.upper}_H"
    up = block.upper
    out = comment_header("//", block.source) + [f"// {block.doc}", f"#ifndef {guard}", f"#define {guard}", ""]
    out += number_macros() + ["", f"#define {up}_SIZE_BYTES MEMWALL_U32(0x{block.size_bytes:x})"]
    for register in block.registers:
        name = f"{up}_{register.name}"
        out += ["", f"// {register.name}: {register.doc}"]
        if register.count:
            out.append(f"#define {name}_OFFSET(i) (MEMWALL_U32(0x{register.offset:x}) + (i) * MEMWALL_U32({register.stride}))")
            out.append(f"#define {name}_COUNT MEMWALL_U32({register.count})")
        else:
            out.append(f"#define {name}_OFFSET MEMWALL_U32(0x{register.offset:x})")
        out.append(f"#define {name}_RESET MEMWALL_U32({hex32(register.reset)})")
        for entry in register.fields:
            out.append(f"// {entry.name} [{entry.bits}] {entry.access}: {entry.doc}")
            out.append(f"#define {name}_{entry.name}_MASK MEMWALL_U32({hex32(entry.mask)})")
            out.append(f"#define {name}_{entry.name}_SHIFT {entry.lsb}")
            for key, value in entry.values.items():
                out.append(f"#define {name}_{entry.name}_{key} MEMWALL_U32({value})")
    out += ["", f"#endif  // {guard}", ""]
    return "\n".join(out)


def emit_sv(block):
    bits = max(2, (block.size_bytes - 1).bit_length())
    out = comment_header("//", block.source, (f"{block.doc}",))
    out += ["", "// verilator lint_off UNUSEDPARAM", f"package {block.name}_reg_pkg;", "", f"  localparam int unsigned AddrWidth = {bits};"]
    for register in block.registers:
        name = register.camel
        out += ["", f"  // {register.name}: {register.doc}"]
        out.append(f"  localparam logic [{bits - 1}:0] {name}Offset = {bits}'h{register.offset:x};")
        if register.count:
            out.append(f"  localparam int unsigned {name}Count = {register.count};")
            out.append(f"  localparam int unsigned {name}Stride = {register.stride};")
        for suffix, value in (
            ("ResetValue", register.reset),
            ("WritableMask", register.writable_mask),
            ("W1cMask", register.mask("w1c")),
            ("W1sMask", register.mask("w1s")),
            ("ReadableMask", register.readable_mask),
        ):
            out.append(f"  localparam logic [31:0] {name}{suffix} = 32'h{value:08x};")
        for entry in register.fields:
            sub = name + camel(entry.name)
            out.append(f"  // {entry.name} {entry.access}: {entry.doc}")
            out.append(f"  localparam logic [31:0] {sub}Mask = 32'h{entry.mask:08x};")
            out.append(f"  localparam int unsigned {sub}Shift = {entry.lsb};")
            out.append(f"  localparam int unsigned {sub}Width = {entry.width};")
            for key, value in entry.values.items():
                out.append(f"  localparam logic [{entry.width - 1}:0] {sub}{camel(key)} = {entry.width}'d{value};")
    out += ["", "endpackage", "// verilator lint_on UNUSEDPARAM", ""]
    return "\n".join(out)


def emit_markdown(block):
    out = [
        f"<!-- {line} -->" for line in ("SPDX-FileCopyrightText: The Memwall authors", "SPDX-License-Identifier: Apache-2.0")
    ]
    out += [f"# Registers of {block.name}", "", f"{block.doc} Generated from `{block.source}`.", ""]
    out += [
        "Access: rw read/write; ro hardware writes; wo reads 0; w1c write 1 to clear; w1s write 1 to set; const fixed.",
        "Bits without a field read 0 and ignore writes.",
        "",
        "| offset | register | bits | field | access | reset | meaning |",
        "|---|---|---|---|---|---|---|",
    ]
    for register in block.registers:
        offset = f"0x{register.offset:03x}"
        name = register.name
        if register.count:
            offset += f" + {register.stride}·i"
            name += f"[{register.count}]"
        out.append(f"| {offset} | **{name}** | | | | {hex32(register.reset)} | {_cell(register.doc)} |")
        for entry in register.fields:
            doc = entry.doc
            if entry.values:
                doc += " Values: " + ", ".join(f"{v} {k}" for k, v in entry.values.items()) + "."
            out.append(f"| | | {entry.bits} | {entry.name} | {entry.access} | {entry.reset:#x} | {_cell(doc)} |")
    return "\n".join(out) + "\n"


def _cell(text):
    return text.replace("|", "\\|")


def emit_tests(blocks):
    """One GoogleTest source that runs tests/support/register_tests.h over every bank."""
    out = comment_header("//", "every regs.toml")
    out += ['#include "support/register_tests.h"', ""]
    out += [f'#include "regs/{block.name}_regs.h"' for block in blocks]
    out += ["", "namespace memwall::regs {", "namespace {", ""]
    for block in blocks:
        cls = f"Plain{block.camel}"
        out += [f"/// {block.camel}Regs with hooks that only count.", f"class {cls} : public {block.camel}Regs {{", " public:"]
        out.append("  std::uint32_t hook_calls = 0;")
        out.append("  void poke(std::size_t index, std::uint32_t value) {")
        out.append("    switch (index) {")
        index = 0
        for register in block.registers:
            settable = any(f.access != "const" for f in register.fields)
            for i in range(register.elements):
                if settable:
                    args = f"{i}, value" if register.count else "value"
                    out.append(f"      case {index}: set_{register.lower}({args}); break;")
                index += 1
        out += ["      default: break;", "    }", "  }", "", " protected:"]
        for register in block.registers:
            for hook in register.hooks:
                args = (["std::uint32_t"] if register.count else []) + (["std::uint32_t"] if hook == "write" else [])
                out.append(f"  void on_{hook}_{register.lower}({', '.join(args)}) override {{ ++hook_calls; }}")
        out += ["};", ""]
        suite = f"{block.camel}Regs"
        for test, call in (
            ("EveryRegisterReadsItsResetValue", "check_bank_reset_values"),
            ("EveryBitFollowsItsAccessPolicy", "check_bank_access_policy"),
            ("NoRegisterAliasesAnother", "check_bank_isolation"),
            ("UndefinedAndUnalignedOffsetsAreRefused", "check_bank_undefined_offsets"),
            ("EveryHookIsCalledOncePerAccess", "check_bank_hooks"),
        ):
            out.append(f"TEST({suite}, {test}) {{ memwall::testing_support::{call}<{cls}>(); }}")
        out.append("")
    out += ["}  // namespace", "}  // namespace memwall::regs", ""]
    return "\n".join(out)
