# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""The generator refuses what it must, names the place, and writes what it promises in every language."""

import contextlib
import io
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "platform/tools"))

import memwall_regs  # noqa: E402

BLOCK = '[block]\nname = "b"\ndoc = "d"\nsize_bytes = 0x100\n'


def register(name="R", offset="0", extra="", fields='{ name = "F", bits = "3:0", access = "rw", reset = 0, doc = "d" }'):
    return f'[[register]]\nname = "{name}"\noffset = {offset}\ndoc = "d"\n{extra}\nfields = [{fields}]\n'


def field(**changes):
    values = {"name": "F", "bits": "3:0", "access": "rw", "reset": 0, "doc": "d"} | changes
    return "{ " + ", ".join(f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {v}" for k, v in values.items()) + " }"


class GeneratorTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_tool(self, kind, text):
        source = self.folder / "input.toml"
        source.write_text(text, encoding="utf-8")
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            code = memwall_regs.main([kind, str(source), "--out", str(self.folder / "out")])
        return code, errors.getvalue()

    def refused(self, kind, text, *words):
        code, errors = self.run_tool(kind, text)
        self.assertEqual(code, 2, text)
        for word in ("input.toml", *words):
            self.assertIn(word, errors)

    def text_of(self, name):
        return (self.folder / "out" / name).read_text(encoding="utf-8")

    def generate_tree(self, out):
        """Every source of the repository, and the sample."""
        blocks = [HERE / "sample.regs.toml", *ROOT.glob("ip/*/regs.toml"), *ROOT.glob("ip/*/*.regs.toml")]
        self.assertEqual(memwall_regs.main(["regs", *map(str, blocks), "--out", str(out)]), 0)
        self.assertEqual(memwall_regs.main(["struct", *map(str, ROOT.glob("ip/numerics/*.toml")), "--out", str(out)]), 0)
        self.assertEqual(memwall_regs.main(["map", str(ROOT / "platform/system/chip_map.toml"), "--out", str(out)]), 0)

    def test_mistakes_in_registers_are_named(self):
        for text, words in (
            (register(offset="2"), ("R", "multiple of 4")),
            (register(offset="0x100"), ("R", "outside")),
            (register() + register("S"), ("overlaps R",)),
            (register() + register("R", "4"), ("R appears twice",)),
            (register(extra="count = 3\nstride = 4") + register("S", "8"), ("S", "overlaps R")),
            (register(extra="stride = 4"), ("R", "stride without count")),
            (register(extra="count = 0"), ("R", "count")),
            (register(extra="colour = 1"), ("R", "unknown key 'colour'")),
            (register(extra='hooks = ["peek"]'), ("R", "peek")),
            (register("class"), ("class", "UPPER_SNAKE")),
            (register("READ"), ("READ", "accessor")),
            (register("DELETE"), ("DELETE", "accessor")),
            (register(fields=""), ("R", "at least one field")),
            (register(fields=field(bits="32")), ("R field F", "31:0")),
            (register(fields=field(bits="0:3")), ("R field F", "msb:lsb")),
            (register(fields=field(bits="x")), ("R field F", "bits")),
            (register(fields=field(reset=16)), ("R field F", "reset 16")),
            (register(fields=field(access="rx")), ("R field F", "rx", "w1c")),
            (register(fields=field(access="wo", reset=1)), ("R field F", "wo")),
            (register(fields=field(doc="")), ("R field F", "doc")),
            (register(fields=field() + "," + field(name="G", bits="3")), ("field G", "overlaps")),
            (register(fields=field() + "," + field(bits="5")), ("field name F appears twice",)),
            (register(fields=field()[:-1] + ", values = { BIG = 16 } }"), ("BIG", "4 bits")),
            (register(fields=field()[:-1] + ", values = { A = 1, B = 1 } }"), ("same number",)),
            (register("A", fields=field(name="B_C")) + register("A_B", "4", fields=field(name="C")), ("generated name",)),
        ):
            with self.subTest(text=text):
                self.refused("regs", BLOCK + text, *words)
        self.refused("regs", BLOCK.replace("0x100", "0x101") + register(), "size_bytes")
        self.refused("regs", "[block\n")
        self.refused("regs", register(), "block")

    def test_all_languages_agree_on_the_sample_block(self):
        out = self.folder / "out"
        self.assertEqual(memwall_regs.main(["regs", str(HERE / "sample.regs.toml"), "--out", str(out)]), 0)
        c = self.text_of("c/regs/sample.h")
        for line in (
            "#define SAMPLE_CTRL_OFFSET MEMWALL_U32(0x0)",
            "#define SAMPLE_CTRL_RESET MEMWALL_U32(0x50000214)",
            "#define SAMPLE_CTRL_MODE_MASK MEMWALL_U32(0x0000000e)",
            "#define SAMPLE_CTRL_MODE_SHIFT 1",
            "#define SAMPLE_CTRL_MODE_VERY_FAST MEMWALL_U32(2)",
            "#define SAMPLE_SLOT_OFFSET(i) (MEMWALL_U32(0x10) + (i) * MEMWALL_U32(8))",
            "#define SAMPLE_SLOT_COUNT MEMWALL_U32(6)",
        ):
            self.assertIn(line + "\n", c)
        sv = self.text_of("sv/sample_reg_pkg.sv")
        for line in (
            "package sample_reg_pkg;",
            "  localparam logic [7:0] CtrlOffset = 8'h0;",
            "  localparam logic [31:0] CtrlResetValue = 32'h50000214;",
            "  localparam logic [31:0] CtrlWritableMask = 32'h00ff000f;",
            "  localparam logic [31:0] CtrlW1cMask = 32'h00000200;",
            "  localparam logic [31:0] CtrlW1sMask = 32'h00000100;",
            "  localparam logic [31:0] CtrlReadableMask = 32'hf000031f;",
            "  localparam logic [2:0] CtrlModeVeryFast = 3'd2;",
            "  localparam int unsigned SlotStride = 8;",
        ):
            self.assertIn(line + "\n", sv)
        self.assertIn("| 0x010 + 8·i | **SLOT[6]** |", self.text_of("docs/sample_regs.md"))

    def test_unchanged_content_is_not_rewritten(self):
        self.run_tool("regs", BLOCK + register())
        header = self.folder / "out/regs/b_regs.h"
        before = header.stat().st_mtime_ns
        self.run_tool("regs", BLOCK + register() + "# a comment\n")
        self.assertEqual(header.stat().st_mtime_ns, before)
        self.run_tool("regs", BLOCK + register("OTHER"))
        self.assertIn("kOtherOffset", header.read_text(encoding="utf-8"))

    def test_struct_layout_is_exact_and_checked(self):
        head = '[struct]\nname = "thing_one"\nsize_bytes = 16\ndoc = "d"\n'

        def member(name, offset, kind, extra=""):
            return f'[[field]]\nname = "{name}"\noffset = {offset}\ntype = "{kind}"\ndoc = "d"\n{extra}\n'

        good = head + member("opcode", 0, "u8", "values = { NOP = 0, DO_IT = 7 }") + member("scale", 4, "f32") + member("at", 8, "u64")
        self.assertEqual(self.run_tool("struct", good)[0], 0)
        cpp, c, sv = (self.text_of(n) for n in ("desc/thing_one.h", "c/desc/thing_one.h", "sv/thing_one_pkg.sv"))
        self.assertIn("enum class Opcode : std::uint8_t { kNop = 0, kDoIt = 7 };", cpp)
        self.assertIn("std::uint8_t reserved_1[3]{};", cpp)
        self.assertIn("static_assert(offsetof(ThingOne, at) == 8);", cpp)
        self.assertIn("#define THING_ONE_OPCODE_DO_IT MEMWALL_U32(7)", c)
        self.assertIn("localparam logic [7:0] OpcodeDoIt = 8'd7;", sv)
        self.assertIn("localparam int unsigned AtOffset = 8;", sv)
        for text, words in (
            (head + member("a", 2, "u32"), ("a", "aligned")),
            (head + member("a", 0, "u64") + member("b", 4, "u32"), ("b", "overlaps field a")),
            (head + member("a", 16, "u8"), ("a", "ends behind")),
            (head + member("a", 0, "u24"), ("a", "u24")),
            (head + member("a", 0, "u8") + member("a", 1, "u8"), ("a", "twice")),
            (head + member("a", 0, "f32", "values = { X = 1 }"), ("f32",)),
            (head + member("short", 0, "u8"), ("short",)),
        ):
            with self.subTest(text=text):
                self.refused("struct", text, *words)

    def test_mistakes_in_the_chip_map_are_named(self):
        def window(name, base, extra=""):
            return f'[[window]]\nname = "{name}"\nbase = {base}\nsize_bytes = 0x1000\nkind = "registers"\ndoc = "d"\n{extra}\n'

        irq = '[[interrupt]]\nname = "a"\nnumber = 1\ndoc = "d"\n'
        head = "[plic]\nsources = 8\n"
        self.assertEqual(self.run_tool("map", head + window("a", 0) + irq)[0], 0)
        for text, words in (
            (head + window("a", 0) + window("b", 0) + irq, ("b", "overlaps window a")),
            (head + window("a", 0, "count = 2") + window("b", "0x1000") + irq, ("b", "overlaps window a")),
            (head + window("a", 0, "count = 2\nstride = 0x800") + irq, ("a", "stride")),
            (head + window("a", 8) + irq, ("a", "4096")),
            (head + window("a", 0) + irq + irq.replace('"a"', '"b"'), ("b", "shares a number with a")),
            (head + window("a", 0) + irq.replace("= 1", "= 8"), ("a", "1..7")),
            (head + window("a", 0).replace("registers", "rgisters") + irq, ("a", "rgisters")),
        ):
            with self.subTest(text=text):
                self.refused("map", text, *words)

    def test_firmware_headers_compile_for_c_and_assembler(self):
        compiler = shutil.which("riscv64-unknown-elf-gcc") or shutil.which("gcc")
        if compiler is None:
            self.skipTest("no C compiler")
        out = self.folder / "out"
        self.generate_tree(out)
        include = "".join(f'#include "{part}/{file.name}"\n' for part in ("regs", "map")
                          for file in sorted((out / "c" / part).glob("*.h")))
        (self.folder / "t.c").write_text(
            include + "unsigned long long a = MAP_HBM_BASE(1) + SAMPLE_SLOT_OFFSET(2u);\n"
            '_Static_assert(SAMPLE_SLOT_OFFSET(2u) == 0x20, "");\n_Static_assert(MAP_HBM_BASE(1) == 0x2000000000, "");\n'
            '_Static_assert(IRQ_PNM(15) == 23, "");\n', encoding="utf-8")
        (self.folder / "t.S").write_text(include + ".quad MAP_TCM_BASE + SAMPLE_CTRL_OFFSET\n", encoding="utf-8")
        for name in ("t.c", "t.S"):
            command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-I", str(out / "c"), "-c",
                       str(self.folder / name), "-o", str(self.folder / "t.o")]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_packages_are_lint_clean(self):
        verilator = shutil.which("verilator")
        if verilator is None:
            self.skipTest("no verilator")
        out = self.folder / "out"
        self.generate_tree(out)
        top = self.folder / "lint_top.sv"
        top.write_text("module lint_top (output logic [31:0] value_o);\n"
                       "  assign value_o = sample_reg_pkg::CtrlResetValue;\nendmodule\n", encoding="utf-8")
        command = [verilator, "--lint-only", "-Wall", "--top-module", "lint_top",
                   *map(str, sorted((out / "sv").glob("*.sv"))), str(top)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_source_in_the_tree_is_accepted_and_documented(self):
        sources = sorted(ROOT.glob("ip/*/regs.toml")) + sorted(ROOT.glob("ip/*/*.regs.toml"))
        self.assertGreaterEqual(len(sources), 12)
        out = self.folder / "out"
        self.assertEqual(memwall_regs.main(["regs", *map(str, sources), "--out", str(out)]), 0)
        for source in sources:
            name = re.search(r'^name = "(\w+)"', source.read_text(encoding="utf-8"), re.M)[1]
            self.assertTrue((out / f"docs/{name}_regs.md").exists())


if __name__ == "__main__":
    unittest.main()
