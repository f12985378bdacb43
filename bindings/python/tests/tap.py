"""python tests/tap.py MODULE...: runs their tests, and prints TAP as all tests here do."""
from __future__ import annotations

import faulthandler
import os
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


class Result(unittest.TestResult):
    count = 0

    def _tell(self, ok: bool, test: unittest.TestCase, more: str = "") -> None:
        self.count += 1
        name = test.id().split(".", 1)[-1].replace("test_", "").replace("_", " ")
        print(f"{'ok' if ok else 'not ok'} {self.count} - {name}{more}", flush=True)

    def addSuccess(self, test: Any) -> None:
        self._tell(True, test)

    def addSkip(self, test: Any, reason: str) -> None:
        self._tell(True, test, f" # SKIP {reason}")

    def _fail(self, test: Any, error: Any) -> None:
        self._tell(False, test)
        print("".join(f"# {line}\n" for line in self._exc_info_to_string(error, test).splitlines()), flush=True)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._fail(test, err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._fail(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err:
            self._fail(subtest, err)


def main() -> int:
    # A test that hangs shows where.
    faulthandler.dump_traceback_later(float(os.environ.get("TAP_SECONDS", "600")), exit=True)
    warnings.simplefilter("error")
    warnings.filterwarnings("default", category=ResourceWarning)
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"tests.{name}" for name in sys.argv[1:]])
    result = Result()
    suite.run(result)
    print(f"1..{result.count}")
    return 0 if result.wasSuccessful() and result.count else 1


if __name__ == "__main__":
    sys.exit(main())
