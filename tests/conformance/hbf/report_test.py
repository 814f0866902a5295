#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Memwall authors
# SPDX-License-Identifier: Apache-2.0
"""report.py must not call a requirement covered that is not: each way to break plan or tests makes it return 1."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True
import report  # noqa: E402


def entry(number):
    """A requirement with two tests."""
    return {"id": number, "section": "1.2", "text": f"Text {number}.",
            "tests": [f"Requirement{number:02d}.A", f"Requirement{number:02d}.B"]}


def gap(number):
    return {"id": number, "kind": "contradiction", "section": "3.4", "text": "Either way.", "reading": "this way",
            "switch": "readings.way"}


def toml(plan):
    return "\n".join(f"[[{kind}]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in one.items())
                     for kind, ones in plan.items() for one in ones)


class Report(unittest.TestCase):
    def setUp(self):
        self.plan = [entry(number) for number in range(1, 61)]
        self.gaps = [gap(3), gap(9)]
        # What the tests say: name -> (result, failures).
        self.tests = {name: ("COMPLETED", []) for one in self.plan for name in one["tests"]}
        self.exit_code = 0
        self.crashes = False

    def run_report(self):
        """Exit code and what was written to stderr and into the report, with a stand-in for the test executable."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            suites = {}
            for name, (result, failures) in self.tests.items():
                suite, test = name.split(".")
                case = {"name": test, "result": result}
                if failures:
                    case["failures"] = failures
                suites.setdefault(suite, []).append(case)
            output = {"testsuites": [{"name": suite, "testsuite": cases} for suite, cases in suites.items()]}
            (folder / "output.json").write_text(json.dumps(output))
            tests = folder / "tests"
            write = "" if self.crashes else f'cp {folder}/output.json "${{1#--gtest_output=json:}}"'
            tests.write_text(f"#!/bin/sh\n{write}\nexit {self.exit_code}\n")
            tests.chmod(0o755)
            (folder / "plan.toml").write_text(toml({"requirement": self.plan, "gap": self.gaps}))
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
                code = report.main(["--plan", str(folder / "plan.toml"), "--tests", str(tests),
                                    "--out", str(folder / "report.md")])
            written = folder / "report.md"
            return code, errors.getvalue(), written.read_text() if written.exists() else ""

    def expect_mistake(self, words):
        code, errors, _ = self.run_report()
        self.assertEqual(code, 1)
        self.assertIn(words, errors)

    def test_everything_in_order(self):
        self.plan[4]["gaps"] = [3, 9]
        code, errors, report = self.run_report()
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("60 of 60 requirements are covered", report)
        self.assertIn("in 1 the specification is silent", report)
        self.assertIn("| 5 | 1.2 | Text 5. | covered | 3, 9 | Requirement05.A: passed<br>Requirement05.B: passed |", report)

        self.assertIn("| 3 | contradiction | 3.4 | Either way. | this way | readings.way |", report)

    def test_a_contradiction_has_neither_switch_nor_reason(self):
        del self.gaps[0]["switch"]
        self.expect_mistake("gap 3: a contradiction needs a switch")
        self.gaps[0]["no_switch"] = "nothing depends on it"
        self.assertEqual(self.run_report()[0], 0)
        self.gaps[0]["kind"] = "odd"
        self.expect_mistake("gap 3: kind must be")

    def test_a_gap_does_not_exist_or_is_there_twice(self):
        self.plan[7]["gaps"] = [4]
        self.expect_mistake("requirement 8 names gap 4, which does not exist")
        self.setUp()
        self.gaps[1] = gap(3)
        self.expect_mistake("a gap is there twice")

    def test_a_requirement_is_missing(self):
        for name in self.plan.pop(16)["tests"]:
            del self.tests[name]
        self.expect_mistake("ids must be 1 to 60")

    def test_a_requirement_is_removed_and_its_tests_are_not(self):
        del self.plan[16]
        self.expect_mistake("Requirement17.A is in no requirement")

    def test_a_requirement_is_there_twice(self):
        self.plan[16] = entry(18)
        self.expect_mistake("ids must be 1 to 60")

    def test_there_are_no_requirements(self):
        self.plan = []
        self.expect_mistake("ids must be 1 to 60")

    def test_a_test_is_renamed(self):
        self.tests["Requirement03.C"] = self.tests.pop("Requirement03.B")
        self.expect_mistake("the plan names Requirement03.B, which does not exist")
        self.expect_mistake("Requirement03.C is in no requirement")

    def test_a_test_fails(self):
        self.tests["Requirement60.B"] = ("COMPLETED", [{"failure": "no"}])
        self.exit_code = 1
        code, errors, report = self.run_report()
        self.assertEqual(code, 1)
        self.assertIn("requirement 60 is not covered: passed, failed", errors)
        self.assertIn("59 of 60 requirements are covered", report)
        self.assertIn("NOT COVERED", report)

    def test_a_test_is_skipped_or_disabled(self):
        for result in ("SKIPPED", "SUPPRESSED"):
            self.tests["Requirement07.A"] = (result, [])
            self.expect_mistake("requirement 7 is not covered: skipped, passed")

    def test_a_requirement_has_no_test(self):
        self.plan[0]["tests"] = []
        del self.tests["Requirement01.A"], self.tests["Requirement01.B"]
        self.expect_mistake("requirement 1 is not covered: no test")

    def test_a_requirement_takes_another_ones_test(self):
        self.plan[0]["tests"].append("Requirement02.A")
        self.expect_mistake("requirement 1 names Requirement02.A, which is another's")

    def test_keys_are_missing_or_unknown(self):
        for key in ("section", "text", "tests"):
            self.setUp()
            del self.plan[0][key]
            self.expect_mistake(f"missing ['{key}']")
        self.setUp()
        self.plan[0]["readings"] = "ours"
        self.expect_mistake("unknown ['readings']")
        self.setUp()
        self.gaps[0]["why"] = "so"
        del self.gaps[1]["reading"]
        self.expect_mistake("gap 3: unknown ['why']")
        self.expect_mistake("gap 9: unknown [], missing ['reading']")

    def test_the_tests_crash(self):
        self.crashes = True
        self.exit_code = 134
        self.expect_mistake("crashed before it wrote its results")

    def test_the_tests_end_badly_although_none_failed(self):
        self.exit_code = 1
        self.expect_mistake("although no test failed")


if __name__ == "__main__":
    unittest.main()
