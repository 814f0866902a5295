#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""Writes everything that is derived from regs.toml files, descriptor layouts and the chip map.

    memwall_regs.py regs   ip/hbm/regs.toml --out build/generated
    memwall_regs.py struct ip/numerics/descriptor.toml --out build/generated
    memwall_regs.py map    platform/system/chip_map.toml --out build/generated
    memwall_regs.py tests  A/regs.toml B/regs.toml ... --out build/generated

Below --out: regs/ desc/ map/ (C++), c/ (firmware), sv/ (RTL), ld/ (linker scripts), docs/, tests/.
Files are touched only when their content changes. Exit code 2 with file and entry on a mistake in a source.
"""

import argparse
import sys
from pathlib import Path

from memwall_gen import chip_map, emit_registers, registers, structs
from memwall_gen.source import SourceError, write_if_changed

ROOT = Path(__file__).resolve().parents[2]


def shown(path):
    """The name of a source as generated files state it: relative to the repository."""
    full = Path(path).resolve()
    return str(full.relative_to(ROOT)) if full.is_relative_to(ROOT) else full.name


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("regs", "struct", "map", "tests"))
    parser.add_argument("sources", nargs="+", metavar="TOML")
    parser.add_argument("--out", required=True, type=Path, help="root of the generated tree")
    parser.add_argument("--stamp", type=Path, help="file to touch on success")
    args = parser.parse_args(argv)
    try:
        outputs = {}
        if args.kind == "tests":
            blocks = [registers.parse_block(s, shown(s)) for s in args.sources]
            outputs["tests/register_bank_tests.cpp"] = emit_registers.emit_tests(sorted(blocks, key=lambda b: b.name))
        for source in args.sources if args.kind != "tests" else ():
            if args.kind == "regs":
                block = registers.parse_block(source, shown(source))
                outputs[f"regs/{block.name}_regs.h"] = emit_registers.emit_cpp(block)
                outputs[f"c/regs/{block.name}.h"] = emit_registers.emit_c(block)
                outputs[f"sv/{block.name}_reg_pkg.sv"] = emit_registers.emit_sv(block)
                outputs[f"docs/{block.name}_regs.md"] = emit_registers.emit_markdown(block)
            elif args.kind == "struct":
                struct = structs.parse_struct(source, shown(source))
                outputs[f"desc/{struct.name}.h"] = structs.emit_cpp(struct)
                outputs[f"c/desc/{struct.name}.h"] = structs.emit_c(struct)
                outputs[f"sv/{struct.name}_pkg.sv"] = structs.emit_sv(struct)
                outputs[f"docs/{struct.name}.md"] = structs.emit_markdown(struct)
            else:
                chip = chip_map.parse_map(source, shown(source))
                outputs["map/chip_map.h"] = chip_map.emit_cpp(chip)
                outputs["c/map/memory_map.h"] = chip_map.emit_c(chip)
                outputs["ld/memory_map.ld"] = chip_map.emit_ld(chip)
                outputs["docs/chip_map.md"] = chip_map.emit_markdown(chip)
    except SourceError as error:
        print(f"memwall_regs: {error}", file=sys.stderr)
        return 2
    for name, text in outputs.items():
        write_if_changed(args.out / name, text)
    if args.stamp:
        args.stamp.parent.mkdir(parents=True, exist_ok=True)
        args.stamp.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
