#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance tests and reports them by requirement.

    report.py --plan plan.toml --tests build/.../hbf_conformance_test --out build/reports/hbf_conformance.md

Exit code 1 if a requirement is not covered by passing tests, if the plan names a test that does not exist or that by its
name (RequirementNN.*) is another requirement's, if a test is in no requirement, or if the plan itself is not complete
(ids 1 to 60, each once, with every key).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

REQUIREMENTS = 60
KEYS = {"id", "section", "text", "gaps", "tests"}
GAP_KEYS = {"id", "kind", "section", "text", "reading", "switch", "no_switch"}


def read_gaps(gaps):
    """Number -> gap, and what is wrong with them."""
    mistakes = []
    for gap in gaps:
        unknown = set(gap) - GAP_KEYS
        missing = GAP_KEYS - {"switch", "no_switch"} - set(gap)
        if unknown or missing:
            mistakes.append(f"gap {gap.get('id', '?')}: unknown {sorted(unknown)}, missing {sorted(missing)}")
            for key in missing:
                gap[key] = "?"
        if gap["kind"] not in ("silent", "contradiction"):
            mistakes.append(f"gap {gap['id']}: kind must be silent or contradiction")
        if gap["kind"] == "contradiction" and ("switch" in gap) == ("no_switch" in gap):
            mistakes.append(f"gap {gap['id']}: a contradiction needs a switch, or a reason for having none")
    if len({gap["id"] for gap in gaps}) != len(gaps):
        mistakes.append("a gap is there twice")
    return {gap["id"]: gap for gap in gaps}, mistakes


def read_plan(path):
    content = tomllib.loads(path.read_text())
    plan = content.get("requirement", [])
    gaps, mistakes = read_gaps(content.get("gap", []))
    for entry in plan:
        mistakes += [f"requirement {entry.get('id', '?')} names gap {gap}, which does not exist"
                     for gap in entry.get("gaps", []) if gap not in gaps]
        unknown = set(entry) - KEYS
        missing = KEYS - {"gaps"} - set(entry)
        if unknown or missing:
            mistakes.append(f"requirement {entry.get('id', '?')}: unknown {sorted(unknown)}, missing {sorted(missing)}")
            for key in missing:
                entry[key] = [] if key == "tests" else "?"
        for name in entry["tests"]:
            if not name.startswith(f"Requirement{entry['id']:0>2}."):
                mistakes.append(f"requirement {entry['id']} names {name}, which is another's")
    ids = [entry.get("id") for entry in plan]
    if ids != list(range(1, REQUIREMENTS + 1)):
        mistakes.append(f"ids must be 1 to {REQUIREMENTS} in order")
    return plan, gaps, mistakes


def run_tests(executable):
    """Name of each test -> 'passed', 'failed' or 'skipped'; None if it crashed. And its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tests.json"
        run = subprocess.run([executable, f"--gtest_output=json:{out}"], stdout=subprocess.DEVNULL, check=False)
        if not out.exists():
            return None, run.returncode
        outcome = {}
        for suite in json.loads(out.read_text())["testsuites"]:
            for test in suite["testsuite"]:
                name = f"{suite['name']}.{test['name']}"
                if test["result"] != "COMPLETED":
                    outcome[name] = "skipped"
                else:
                    outcome[name] = "failed" if test.get("failures") else "passed"
        return outcome, run.returncode


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--tests", type=Path, required=True, help="the test executable")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)

    plan, gaps, mistakes = read_plan(args.plan)
    outcome, code = run_tests(args.tests)
    if outcome is None:
        print(f"{args.tests} crashed before it wrote its results", file=sys.stderr)
        return 1
    if code != 0 and "failed" not in outcome.values():
        mistakes.append(f"{args.tests} ends with exit code {code}, although no test failed")
    named = {name for entry in plan for name in entry["tests"]}
    mistakes += [f"the plan names {name}, which does not exist" for name in sorted(named - set(outcome))]
    mistakes += [f"{name} is in no requirement" for name in sorted(set(outcome) - named)]

    rows, covered, readings = [], 0, 0
    for entry in plan:
        states = [outcome.get(name, "missing") for name in entry["tests"]]
        passed = bool(states) and all(state == "passed" for state in states)
        covered += passed
        readings += bool(entry.get("gaps"))
        if not passed:
            mistakes.append(f"requirement {entry['id']} is not covered: {', '.join(states) or 'no test'}")
        tests = "<br>".join(f"{name}: {state}" for name, state in zip(entry["tests"], states))
        rows.append(f"| {entry['id']} | {entry['section']} | {entry['text']} | {'covered' if passed else 'NOT COVERED'} "
                    f"| {', '.join(map(str, entry.get('gaps', [])))} | {tests} |")
    gap_rows = [f"| {number} | {gap['kind']} | {gap['section']} | {gap['text']} | {gap['reading']} "
                f"| {gap.get('switch', gap.get('no_switch', ''))} |" for number, gap in gaps.items()]

    lines = ["# Conformance to the OCP HBF architecture specification v0.7.0", "",
             f"{covered} of {len(plan)} requirements are covered by passing tests; in {readings} the specification is silent or "
             "contradicts itself, and the second table says how it is read here. This is a self-assessment of a model, not a "
             "certificate.", "",
             "| # | section | requirement | state | gaps | tests |", "|---|---|---|---|---|---|", *rows, "",
             "| gap | | section | what is open | our reading | switch |", "|---|---|---|---|---|---|", *gap_rows, ""]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(lines))
    print(f"{covered} of {len(plan)} requirements covered, {readings} by our reading of a gap; report in {args.out}")
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
