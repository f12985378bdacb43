"""Against the C tools, the other face (hx.holepunch), python -m hx, and the examples."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, List
from unittest import mock

from tests.support import BUILD, PACKAGE, PATIENCE, Case, Process, beside

import hx
from hx.holepunch import Client, read_config, server_options

TEXT = os.urandom(5_000_000)
EXAMPLES = PACKAGE / "examples"


def environment(**more: str) -> Any:
    return {**os.environ, "PYTHONPATH": str(PACKAGE), "HX_NAMESERVER_PROGRAM": str(BUILD / "hx-nameserver"), **more}


class Tools(Case):
    def test_hx_bind_echoes_what_python_sends(self) -> None:
        self.tool("bind", "echo", "--echo", "--insecure", awaited="bound echo")
        with hx.connect("echo", **self.options()) as stream:
            got = beside(stream.read)
            stream.sendall(TEXT)
            stream.shutdown()
            self.assertTrue(got() == TEXT)

    def test_hx_connect_is_served_by_python(self) -> None:
        listener = self.listen("served")
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as sink:
            source.write(TEXT)
            source.seek(0)
            program = self.tool("connect", "served", "--insecure", "--name", "bob", stdin=source, stdout=sink)
            with listener.accept(PATIENCE) as stream:
                self.assertEqual(stream.peer_name, "bob")
                whole = stream.read()
                stream.sendall(whole[::-1])
            self.assertEqual(program.popen.wait(PATIENCE), 0)
            sink.seek(0)
            self.assertTrue(sink.read() == TEXT[::-1])

    def test_with_a_key_the_tools_have_the_bare_stream_too(self) -> None:
        with mock.patch.dict(os.environ, HX_KEY=hx.generate_key()):
            options = self.options(insecure=False)
            self.tool("bind", "echo", "--echo", "--bare", awaited="bound echo")
            with hx.connect("echo", **options) as stream:
                got = beside(stream.read)
                stream.sendall(TEXT)
                stream.shutdown()
                self.assertTrue(got() == TEXT)
            listener = self.listen("served.bare", insecure=False)
            with tempfile.TemporaryFile() as sink:
                program = self.tool("connect", "served.bare", "--bare", stdin=subprocess.DEVNULL, stdout=sink)
                with listener.accept(PATIENCE) as stream:
                    self.assertEqual(stream.read(), b"")
                    stream.sendall(TEXT)
                self.assertEqual(program.popen.wait(PATIENCE), 0)
                sink.seek(0)
                self.assertTrue(sink.read() == TEXT)

    def test_python_waits_for_hx_bind_to_come(self) -> None:
        connecting = beside(lambda: hx.connect("late", **self.options(wait=60), timeout=PATIENCE))
        self.tool("bind", "late", "--echo", "--insecure", awaited="bound late")
        with connecting() as stream:
            stream.sendall(b"there you are")
            self.assertEqual(stream.recv(100), b"there you are")


class Holepunch(Case):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.config = Path(directory.name, "holepunch.config")
        before = os.getcwd()
        os.chdir(directory.name)
        self.addCleanup(os.chdir, before)

    def write(self, text: str) -> None:
        self.config.write_text(text)

    def test_one_waits_and_the_other_reaches_it(self) -> None:
        self.write(f"[client]\nserver = {self.address}\nname = first ; of two\ninsecure = yes\n")
        with Client() as first:
            opened = beside(first.open)
            with Client("second").open("first") as ours, opened() as theirs:
                self.assertEqual(theirs.peer_name, "second")
                ours.write(b"hello")
                ours.shutdown()
                self.assertEqual(theirs.read(), b"hello")
            self.assertRaises(TimeoutError, first.open, timeout=0.02)

    def test_a_client_has_the_hosts_name_and_the_servers_address(self) -> None:
        self.write("[server]\naddress = 127.0.0.9\nport = 20000\n")
        client = Client(insecure=True)
        self.assertEqual((client.name, client.config.nameserver, client.config.insecure),
                         (socket.gethostname(), "127.0.0.9:20000", True))
        self.assertEqual(server_options(), ["--listen=127.0.0.9:20000"])

    def test_faults_of_the_file_are_told(self) -> None:
        for text, fault in (("port = 1\n", "section"), ("[sever]\nport = 1\n", "sever"),
                            ("[client]\nnam = x\n", "nam")):
            with self.subTest(text):
                self.write(text)
                self.assertRaisesRegex(hx.InvalidArgumentError, fault, read_config)
        self.write("[server]\nport = none\n")
        self.assertRaisesRegex(hx.InvalidArgumentError, "1 to 65535", server_options)

    def serve(self, *arguments: str) -> Process:
        process = Process([sys.executable, "-m", "hx", "server", *arguments], env=environment())
        self.addCleanup(process.stop)
        return process

    def test_python_m_hx_server_is_the_nameserver(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.write(f"[server]\naddress = 127.0.0.1\nport = {port}\nrelay = yes\nstun-port = none\n")
        process = self.serve()
        self.assertIn(f"127.0.0.1:{port}", process.line("listening on"))
        with hx.listen("there", nameserver=f"127.0.0.1:{port}", insecure=True):
            process.popen.send_signal(signal.SIGTERM)
        self.assertEqual(process.popen.wait(PATIENCE), 0)

    def test_a_file_without_sections_is_the_nameservers_own(self) -> None:
        self.write("listen = 127.0.0.1:0\nstun-port = none\n")
        self.serve("--config", str(self.config)).line("listening on 127.0.0.1:")
        self.write("")
        self.serve("--config", str(self.config), "--", "--listen=127.0.0.1:0").line("listening on 127.0.0.1:")

    def test_what_is_wrong_is_one_line(self) -> None:
        def run(**more: str) -> Any:
            return subprocess.run([sys.executable, "-m", "hx", "server"], env=environment(**more), text=True,
                                  capture_output=True, timeout=PATIENCE)
        with mock.patch.dict(os.environ, PATH="/nowhere"):
            told = run(HX_NAMESERVER_PROGRAM="")
        if "not found" in told.stderr:  # unless it is installed
            self.assertEqual((told.returncode, told.stderr.count("\n")), (2, 1))
            self.assertIn("HX_NAMESERVER_PROGRAM", told.stderr)
        self.write("[server]\nport = x\n")
        told = run()
        self.assertEqual((told.returncode, told.stderr.count("\n")), (2, 1))

    def test_versions(self) -> None:
        told = subprocess.run([sys.executable, "-m", "hx", "version"], env=environment(), text=True, check=True,
                              capture_output=True, timeout=PATIENCE).stdout
        self.assertEqual(told, f"hx {hx.__version__}, libhx {hx.libhx_version()}\n")
        told = subprocess.run([sys.executable, "-m", "hx", "version"], env=environment(HX_LIBRARY="/nowhere.so"),
                              text=True, capture_output=True, timeout=PATIENCE).stderr
        self.assertIn("HX_LIBRARY", told)


class Examples(Case):
    def run_example(self, name: str, *arguments: str, **options: Any) -> Process:
        command: List[Any] = [sys.executable, "-u", EXAMPLES / name, *arguments, "--nameserver", self.address,
                              "--insecure"]
        process = Process(command, env=environment(), **options)
        self.addCleanup(process.stop)
        return process

    def test_echo(self) -> None:
        self.run_example("echo.py", "listen", "echo").line("listening as echo")
        told = self.run_example("echo.py", "connect", "echo", "hello there")
        told.line("hello there")
        self.assertEqual(told.end(), 0)

    def test_file(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "big").write_bytes(TEXT)
            serving = self.run_example("file.py", "send", "files", f"{directory}/big")
            serving.line("waiting as files")
            got = self.run_example("file.py", "receive", "files", directory + "/copy")
            self.assertEqual((got.end(), serving.end()), (0, 0))
            self.assertTrue(Path(directory, "copy").read_bytes() == TEXT)
