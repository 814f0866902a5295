# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of the repository that no compiler checks. Prints every violation; exits 1 if there is one."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
listed = [root / name for name in
          subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True).stdout.split()]
files = [path for path in listed if path.exists()]
problems = [f"{path.relative_to(root)}: git lists it, the tree lacks it" for path in listed if not path.exists()]


def complain(path, what):
    problems.append(f"{path.relative_to(root)}: {what}")


SOURCE = {".cpp", ".h", ".c", ".S", ".sv", ".svh", ".py", ".sh", ".toml", ".cmake", ".ld"}
TOP = {"CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "memwall"}
FOLDERS = {"platform", "ip", "rtl", "firmware", "scenarios", "tests", ".ci"}

for path in files:
    parts = path.relative_to(root).parts
    if len(parts) == 1 and parts[0] not in TOP and not parts[0].startswith("."):
        complain(path, "does not belong at the top level")
    if len(parts) > 1 and parts[0] not in FOLDERS:
        complain(path, f"top-level folder {parts[0]} is not one of {sorted(FOLDERS)}")
    if path.suffix in SOURCE or path.name == "CMakeLists.txt":
        head = path.read_text(encoding="utf-8", errors="replace")[:400]
        if "SPDX-License-Identifier: Apache-2.0" not in head:
            complain(path, "has no SPDX licence line")
    if path.suffix in {".cpp", ".h", ".c", ".sv"}:
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b", line):
                complain(path, f"line {number}: marker of unfinished work")
            if "#include <systemc.h>" in line:
                complain(path, f"line {number}: include <systemc>, not <systemc.h>")
        if path.suffix == ".sv" and max(map(len, text.splitlines()), default=0) > 100:
            complain(path, "has a line over 100 columns")

for block in sorted((root / "ip").iterdir()):
    if block.is_dir():
        readme = block / "README.md"
        if not readme.exists():
            complain(block, "has no README.md")
        elif not re.search(r"not (modelled|specified)", readme.read_text(), re.IGNORECASE):
            complain(readme, "does not say what is not modelled")

for folder in ("ip", "platform"):
    for source in sorted((root / folder).rglob("*.h")):
        if "@file" not in source.read_text():
            complain(source, "has no @file comment")

readme = (root / "README.md").read_text() if (root / "README.md").exists() else ""
if not readme:
    complain(root / "README.md", "is missing or empty")
for command in ("./memwall run scenarios/first_light.toml", "./memwall test"):
    if command not in readme:
        complain(root / "README.md", f"does not name {command}")

print("\n".join(problems) if problems else f"{len(files)} files keep the rules")
sys.exit(1 if problems else 0)
