# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""platform/docs/scenario.md lists exactly the keys that platform/config/scenario.cpp reads, and every key that
platform/report/result.cpp writes to result.json. Prints every difference; exits 1 if there is one."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
source = (root / "platform/config/scenario.cpp").read_text()
result = (root / "platform/report/result.cpp").read_text()
page = (root / "platform/docs/scenario.md").read_text()
problems = []

# TomlTable hart = root.table("hart");
sections = dict(re.findall(r'TomlTable\s+(\w+)\s*=\s*root\.table\(\s*"(\w+)"', source))
# for (TomlTable& fault : hbm.tables("fault")) f(fault, s);  f takes its table as `fault`
for variable, parent, key in re.findall(r'TomlTable& (\w+) : (\w+)\.tables\("(\w+)"\)', source):
    sections[variable] = f"{sections[parent]}.{key}"
READERS = r"(?:required_)?(?:integer|real|text)|boolean|choice|tables"
read = set()
for variable, key in re.findall(rf'\b(\w+)\.(?:{READERS})\(\s*"(\w+)"', source):
    if variable == "root":
        read.add(key)
    elif variable in sections:
        read.add(f"{sections[variable]}.{key}")
    else:
        problems.append(f"scenario.cpp reads {key} from '{variable}', which is no section this test knows")
if len(sections) < 5 or len(read) < 20:
    problems.append(f"only {len(read)} keys in {len(sections)} sections found: scenario.cpp reads them in a new way")

settings, _, results = page.partition("## `result.json`")
listed = re.findall(r"^\| `([\w.]+)` \|", settings, re.MULTILINE)
problems += [f"scenario.md lists {key} twice" for key in sorted(set(listed)) if listed.count(key) > 1]
problems += [f"scenario.md does not list {key}" for key in sorted(read - set(listed))]
problems += [f"scenario.md lists {key}, which scenario.cpp does not read" for key in sorted(set(listed) - read)]

# The functions that write result.json; host.json has its own.
written = set()
for head, body in re.findall(r"^((?:ordered_json|std::string) to_json\([^)]*\)) \{\n(.*?)^\}", result, re.M | re.S):
    if "HostResult" not in head:
        written |= set(re.findall(r'\bj\["(\w+)"\]', body))
if len(written) < 20:
    problems.append(f"only {len(written)} keys of result.json found: result.cpp writes them in a new way")
rows = " ".join(re.findall(r"^\| (`.*?) \| ", results, re.MULTILINE))
# Keys of one counter stand in the row of `counters`.
described = set(re.findall(r"`(\w+)`", rows)) | {"value", "unit", "clock"}
problems += [f"scenario.md does not list {key} of result.json" for key in sorted(written - described)]
problems += [f"scenario.md lists {key}, which result.json does not have"
             for key in sorted(described - written)]

print("\n".join(problems) if problems else f"{len(read)} settings and {len(written)} result keys are on the page")
sys.exit(1 if problems else 0)
