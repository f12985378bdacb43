#!/bin/sh
# test/python_lint.sh: the Python package compiles without a warning, and its types are right for the oldest Python that
# it is for.
set -e
cd "$(dirname "$0")/../bindings/python"
git ls-files . | grep '\.py$' | xargs python3 -W error -c '
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    compile(text, path, "exec")
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 120:
            sys.exit(f"{path}:{number}: longer than 120 columns")'
pyflakes3 hx tests examples build_wheel.py
mypy --cache-dir=/dev/null hx
