"""From the first call to the interpreter's exit: growth, signals, fork, exit; struct layouts, and the wheel."""
from __future__ import annotations

import ctypes
import gc
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path
from typing import Any, Tuple

from tests.support import BUILD, PACKAGE, PATIENCE, TOP, Case, Process

import hx
from hx import _events, _lib

CYCLES = int(os.environ.get("HX_CYCLES", "120"))  # `make bench` asks for 10,000
SETTLED = 3000  # so many cycles later UDT, which keeps closed sockets for a few seconds, needs no more memory


def resident() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def held() -> Tuple[int, int, int, int]:
    """Descriptors, threads, blocks of Python's memory, bytes of the process."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count(), sys.getallocatedblocks(), resident()


class Growth(Case):
    def test_opening_and_closing_leaves_nothing(self) -> None:
        peer = Process([sys.executable, "-m", "tests.life_peer", self.address, "peer"], cwd=PACKAGE)
        self.addCleanup(peer.stop)
        peer.line("bound")

        def cycles(count: int) -> None:
            for _ in range(count):
                with hx.connect("peer", **self.options(on_event=lambda event: None), timeout=PATIENCE) as stream:
                    stream.settimeout(PATIENCE)
                    stream.sendall(b"x")
                    self.assertEqual(stream.recv(1), b"x")
        cycles(CYCLES // 3)  # pools and caches have their size then
        before = held()
        cycles(CYCLES)
        after = held()
        print(f"# {CYCLES} cycles: descriptors, threads, blocks, bytes: {before} -> {after}")
        self.assertLessEqual(after[0] - before[0], 4)  # a port that was changed for another, at most
        self.assertLessEqual(after[1] - before[1], 1)
        self.assertLess(after[2] - before[2], 40 + CYCLES / 10)
        if CYCLES > SETTLED:
            self.assertLess(after[3] - before[3], 4_000_000)
        self.assertEqual(_events._taps, {})
        self.assertIsNone(peer.popen.poll())


class Signals(Case):
    def interrupted(self, work: str) -> None:
        """Ctrl-C ends the main thread's wait at once, with KeyboardInterrupt."""
        program = f"""
import os, sys, threading, hx, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
options = dict(nameserver={self.address!r}, insecure=True)
listener = hx.listen("here{os.urandom(4).hex()}", **options)
mine = hx.connect(listener.name, **options)
theirs = listener.accept()
try:
    print("waits", flush=True)
    {work}
except KeyboardInterrupt:
    print("interrupted", flush=True)
for s in mine, theirs:
    s.abort()
listener.close()
"""
        process = Process([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(PACKAGE)})
        self.addCleanup(process.stop)
        process.line("waits")
        stat = Path(f"/proc/{process.popen.pid}/stat")
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "S":  # its main thread does not wait yet
            threading.Event().wait(0.001)
        process.popen.send_signal(signal.SIGINT)
        process.line("interrupted")
        self.assertEqual(process.end(), 0)

    def test_ctrl_c_ends_a_read(self) -> None:
        self.interrupted("mine.read(1)")

    def test_ctrl_c_ends_a_write(self) -> None:
        self.interrupted("mine.sendall(bytes(50_000_000))")

    def test_ctrl_c_ends_an_accept(self) -> None:
        self.interrupted("listener.accept()")

    def test_ctrl_c_ends_a_connect(self) -> None:
        self.interrupted("hx.connect('nobody', wait=60, timeout=60, **options)")

    def test_ctrl_c_ends_a_close(self) -> None:
        self.interrupted("mine.sendall(b'x' * 1000); mine.close()")


class Exit(Case):
    def run_program(self, text: str) -> Any:
        return subprocess.run([sys.executable, "-W", "error::ResourceWarning", "-c", text], text=True, timeout=PATIENCE,
                              capture_output=True, env={**os.environ, "PYTHONPATH": str(PACKAGE)})

    def test_a_program_that_ends_gives_its_name_back_and_ends_waits(self) -> None:
        program = f"""
import threading, hx
options = dict(nameserver={self.address!r}, insecure=True)
listener = hx.listen("exit", **options, on_event=print)
threads = [threading.Thread(target=f, daemon=True) for f in (
    listener.accept, lambda: hx.connect("nobody", wait=60, timeout=None, **options))]
for t in threads: t.start()
"""
        for _ in range(2):  # the second one gets the name
            told = self.run_program(program)
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertNotIn("Fatal", told.stderr)
            self.assertIn("BOUND", told.stdout)

    def test_what_was_closed_before_the_exit_has_arrived(self) -> None:
        listener = self.listen("arrived")
        told = []
        program = (f"import hx\nwith hx.connect('arrived', nameserver={self.address!r}, insecure=True) as s:\n"
                   f"    s.sendall(bytes(1_000_000))\n")
        waiting = threading.Thread(target=lambda: told.append(self.run_program(program)))
        waiting.start()
        with listener.accept(PATIENCE) as stream:
            self.assertEqual(len(stream.read()), 1_000_000)
        waiting.join(PATIENCE)
        self.assertEqual((told[0].returncode, told[0].stderr), (0, ""))

    def test_a_forked_child_is_told_and_ends_by_itself(self) -> None:
        told = self.run_program(f"""
import os, hx
options = dict(nameserver={self.address!r}, insecure=True)
listener = hx.listen("fork", **options)
stream = hx.connect("fork", **options)
child = os.fork()
if child == 0:
    for call in (lambda: hx.connect("fork", **options), lambda: stream.read(1), listener.accept, lambda: stream.path):
        try:
            call()
            print("no error")
        except hx.ForkError as error:
            print(error)
    stream.close()
    listener.close()
else:
    _, status = os.waitpid(child, 0)
    stream.abort()
    theirs = listener.accept()
    theirs.abort()
    listener.close()
    print("status", status)
""")
        lines = told.stdout.splitlines()
        self.assertEqual((len(lines), lines[-1]), (5, "status 0"), told)
        for line in lines[:4]:
            self.assertIn("spawn", line)

    def test_a_child_of_a_parent_that_has_not_begun_is_free(self) -> None:
        told = self.run_program(f"""
import os, hx
child = os.fork()
if child == 0:
    hx.listen("free", nameserver={self.address!r}, insecure=True).close()
else:
    print("status", os.waitpid(child, 0)[1])
""")
        self.assertEqual(told.stdout, "status 0\n", told.stderr)

    def test_after_cleanup_everything_says_so(self) -> None:
        told = self.run_program(f"""
import hx
options = dict(nameserver={self.address!r}, insecure=True)
listener = hx.listen("clean", **options)
hx.cleanup()
for call in (listener.accept, lambda: hx.connect("clean", **options)):
    try:
        call()
    except hx.CanceledError as error:
        print(error)
listener.close()
""")
        self.assertEqual(told.stdout.count("hx.cleanup()"), 2, told)


class Layout(unittest.TestCase):
    STRUCTS = {"hx_config": _lib.CConfig, "hx_event_info": _lib.CEventInfo, "hx_path": _lib.CPath}

    def setUp(self) -> None:
        self.header = (TOP / "client" / "hx.h").read_text()
        if "struct hx_group_state" in self.header:
            self.STRUCTS = {**self.STRUCTS, "hx_group_state": _lib.CGroupState}

    def test_structs_are_as_the_compiler_lays_them_out(self) -> None:
        lines, expected = [], []
        for name, struct in self.STRUCTS.items():
            lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
            expected.append(f"{name} {ctypes.sizeof(struct)}")
            for field in struct._fields_:
                lines.append(f'printf("{field[0]} %zu\\n", offsetof(struct {name}, {field[0]}));')
                expected.append(f"{field[0]} {getattr(struct, field[0]).offset}")
        with tempfile.TemporaryDirectory() as directory:
            source, program = Path(directory, "layout.c"), Path(directory, "layout")
            source.write_text('#include <hx.h>\n#include <stdio.h>\nint main(void) {\n' + "\n".join(lines) + "\n}\n")
            subprocess.run(["cc", f"-I{TOP / 'client'}", "-o", program, source], check=True)
            told = subprocess.run([program], capture_output=True, text=True, check=True).stdout
        self.assertEqual(told.splitlines(), expected)

    def test_events_and_limits_are_those_of_the_header(self) -> None:
        body = re.search(r"enum hx_event \{(.*?)\n\};", self.header, re.S)
        assert body
        names = re.findall(r"\bHX_EVENT_(\w+)", re.sub(r"/\*.*?\*/", "", body[1], flags=re.S))
        self.assertEqual(names, [kind.name for kind in _events.EventKind][:len(names)])
        for name, value in (("ADDRESS_MAX", _lib.ADDRESS_MAX), ("KEY_TEXT_MAX", _lib.KEY_TEXT_MAX),
                            ("DATAGRAM_MAX", _lib.DATAGRAM_MAX)):
            self.assertRegex(self.header, rf"#define HX_{name} +{value}\b")

    def test_every_function_is_declared_with_as_many_arguments(self) -> None:
        text = re.sub(r"/\*.*?\*/", "", self.header, flags=re.S)
        for name, _, arguments in _lib._FUNCTIONS + [f for f in _lib._LATER_FUNCTIONS if hasattr(_lib.lib(), f[0])]:
            declared = re.search(rf"HX_API [^;]*?\b{name}\(([^;]*)\);", text)
            assert declared, name
            count = 0 if declared[1].strip() == "void" else declared[1].count(",") + 1
            self.assertEqual(len(arguments), count, name)


class Wheel(unittest.TestCase):
    def test_the_wheel_has_the_package_and_works_alone(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([sys.executable, PACKAGE / "build_wheel.py", directory], check=True, capture_output=True)
            wheels = list(Path(directory).glob("*.whl"))
            self.assertEqual([w.name for w in wheels], [f"hx-{hx.__version__}-py3-none-any.whl"])
            names = set(zipfile.ZipFile(wheels[0]).namelist())
            self.assertEqual({n for n in names if n.startswith("hx/")},
                             {f"hx/{p.name}" for p in (PACKAGE / "hx").iterdir() if p.suffix in (".py", ".typed")})
            told = subprocess.run([sys.executable, "-m", "hx", "version"], text=True, capture_output=True, cwd="/",
                                  env={**os.environ, "PYTHONPATH": str(wheels[0])}, timeout=PATIENCE)
            self.assertIn(f"hx {hx.__version__}, libhx ", told.stdout, told.stderr)

    def test_its_version_is_that_of_the_sources(self) -> None:
        self.assertIn(f"VERSION    := {hx.__version__}\n", (TOP / "Makefile").read_text())
        self.assertEqual(hx.__version__, hx.libhx_version())
        self.assertTrue((BUILD / "libhx.so.0").exists())
