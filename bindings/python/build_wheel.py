"""Builds the wheel, with Python alone: the backend of pyproject.toml (PEP 517), and `build_wheel.py DIRECTORY`. The
package is Python only; two builds of the same sources are the same bytes."""
from __future__ import annotations

import base64
import hashlib
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional

HERE = Path(__file__).resolve().parent
PROJECT = (HERE / "pyproject.toml").read_text(encoding="utf-8").split("[project]")[1].split("\n[")[0]


def _value(name: str) -> str:
    found = re.search(rf'^{name} = "(.*)"$', PROJECT, re.M)
    assert found, name
    return found[1]


NAME, VERSION = _value("name"), _value("version")
INFO = f"{NAME}-{VERSION}.dist-info"


def _metadata() -> str:
    classifiers = re.findall(r'^    "(.*)",$', PROJECT, re.M)
    lines = ["Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {VERSION}", f"Summary: {_value('description')}",
             "License: MIT", *(f"Classifier: {c}" for c in classifiers),
             f"Requires-Python: {_value('requires-python')}",
             "Description-Content-Type: text/markdown", "", (HERE / "README.md").read_text(encoding="utf-8")]
    return "\n".join(lines)


def _files(root: str) -> Dict[str, bytes]:
    files = {f"{root}/{p.name}": p.read_bytes() for p in (HERE / "hx").iterdir() if p.suffix in (".py", ".typed")}
    files[f"{INFO}/METADATA"] = _metadata().encode()
    files[f"{INFO}/WHEEL"] = (b"Wheel-Version: 1.0\nGenerator: build_wheel.py\nRoot-Is-Purelib: true\n"
                              b"Tag: py3-none-any\n")
    return files


def _write(path: Path, files: Dict[str, bytes]) -> None:
    def line(name: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"
    record = "".join(line(n, d) for n, d in sorted(files.items())) + f"{INFO}/RECORD,,\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in [*sorted(files.items()), (f"{INFO}/RECORD", record.encode())]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)


def build_wheel(wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None,
                metadata_directory: Optional[str] = None) -> str:
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    Path(wheel_directory).mkdir(parents=True, exist_ok=True)
    _write(Path(wheel_directory, name), _files(NAME))
    return name


def build_editable(wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None,
                   metadata_directory: Optional[str] = None) -> str:
    """`pip install -e`: a path to this directory in place of the package."""
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    files = {n: d for n, d in _files(NAME).items() if n.startswith(INFO)}
    _write(Path(wheel_directory, name), {**files, f"{NAME}.pth": f"{HERE}\n".encode()})
    return name


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    root = f"{NAME}-{VERSION}"
    with tarfile.open(Path(sdist_directory, f"{root}.tar.gz"), "w:gz") as archive:
        for item in ("hx", "examples", "pyproject.toml", "build_wheel.py", "README.md"):
            archive.add(HERE / item, f"{root}/{item}",
                        filter=lambda member: None if "__pycache__" in member.name else member)
    return f"{root}.tar.gz"


def main(arguments: List[str]) -> int:
    if len(arguments) != 1:
        print("usage: build_wheel.py DIRECTORY", file=sys.stderr)
        return 2
    print(Path(arguments[0], build_wheel(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
