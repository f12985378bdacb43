"""For each error of hx.h an exception, which says what to do; and how they come about."""
from __future__ import annotations

import os
import pickle
import re
import socket
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.support import PATIENCE, TOP, Case, nameserver

import hx
from hx import errors
from hx._lib import lib

HEADER = (TOP / "client" / "hx.h").read_text()
CODES = {name: int(code) for name, code in re.findall(r"^    HX_(E\w+) = (-\d+),", HEADER, re.M)}


class Every(unittest.TestCase):
    def test_each_error_of_the_header_has_its_own_class(self) -> None:
        self.assertGreaterEqual(len(CODES), 23)
        self.assertEqual(sorted(errors.BY_CODE), sorted(CODES.values()))
        for name, code in CODES.items():
            with self.subTest(name):
                kind = errors.BY_CODE[code]
                self.assertTrue(issubclass(kind, hx.Error) and issubclass(kind, OSError))
                self.assertIn(f"HX_{name}", kind.__doc__ or "")
                self.assertIs(getattr(hx, kind.__name__), kind)

    def test_each_text_says_what_was_tried_what_is_wrong_and_what_to_do(self) -> None:
        hints = set()
        for name, code in CODES.items():
            with self.subTest(name):
                told = errors.error(code, "reaching 'home'", "as the nameserver says")
                wrong = lib().hx_strerror(code).decode()
                self.assertEqual(str(told), f"reaching 'home': {wrong} (as the nameserver says): {told.hint}")
                self.assertRegex(told.hint, r"^[a-z`].{14,}")
                self.assertNotIn("\n", str(told))
                hints.add(told.hint)
        self.assertEqual(len(hints), len(CODES), "each has its own")

    def test_they_are_what_python_programs_expect(self) -> None:
        expected = {"ETIMEDOUT": TimeoutError, "EREFUSED": ConnectionRefusedError, "ERESOLVE": socket.gaierror,
                    "EAUTH": PermissionError, "EAGAIN": BlockingIOError, "ENOMEM": MemoryError, "EINVAL": ValueError,
                    "ECLOSED": ConnectionError, "ECANCELED": ConnectionError, "ENOTFOUND": LookupError,
                    "EPUNCH": ConnectionError, "EEOF": EOFError}
        for name, kind in expected.items():
            with self.subTest(name):
                self.assertRaises(kind, errors.check, CODES[name], "x")

    def test_an_error_that_is_newer_than_this_package_is_told_too(self) -> None:
        told = errors.error(-999, "reaching 'home'")
        self.assertIs(type(told), hx.Error)
        self.assertIn("reaching 'home'", str(told))

    def test_they_can_be_pickled(self) -> None:
        for told in [errors.error(code, "x", "y") for code in (*CODES.values(), -999)]:
            copy = pickle.loads(pickle.dumps(told))
            self.assertEqual((type(copy), str(copy), copy.errno), (type(told), str(told), told.errno))


class Provoked(Case):
    def test_nobody_holds_the_name(self) -> None:
        with self.assertRaises(hx.NotFoundError) as caught:
            hx.connect("nobody", **self.options())
        self.assertIn("connecting to 'nobody'", str(caught.exception))
        self.assertIn("Prefer: wait", caught.exception.detail)  # the nameserver's own words

    def test_the_name_is_held(self) -> None:
        listener = self.listen()
        program = self.tool("bind", "held", "--echo", "--insecure", awaited="bound held")
        self.assertRaises(hx.ConflictError, hx.listen, "held", **self.options())
        del listener, program

    def test_the_nameserver_is_not_there(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            where = f"127.0.0.1:{silent.getsockname()[1]}"
            options = self.options(nameserver=where, transport="udp")
            self.assertRaises(TimeoutError, hx.connect, "home", **options, timeout=0.3)
            self.assertRaises(TimeoutError, hx.listen, "home", **options, timeout=0.3)
        with self.assertRaises((hx.RefusedError, hx.TimedOutError)):
            hx.connect("home", **options, timeout=0.5)
        self.assertRaises(hx.ResolveError, hx.connect, "home", **self.options(nameserver="nobody.invalid"), timeout=2)

    def test_the_nameserver_has_no_room(self) -> None:
        process, address = nameserver("--max-per-address=1")
        self.addCleanup(process.stop)
        with hx.listen("first", **self.options(nameserver=address)):
            with self.assertRaises((hx.LimitError, hx.TimedOutError)) as caught:
                hx.connect("first", **self.options(nameserver=address), timeout=2)
            self.assertIn("connecting to 'first'", str(caught.exception))

    def test_arguments_that_cannot_be_used(self) -> None:
        for name in ("", "a b", "x" * 256, "nul\0", "grüße"):
            with self.subTest(name):
                self.assertRaises(hx.InvalidArgumentError, hx.connect, name, **self.options())
        for options in ({"nameserver": "nul\0"}, {"transport": "pigeon"}, {"keys": hx.generate_key()},
                        {"insecure": False, "keys": "mistyped"}, {"family": 5}, {"local_port": 65536}):
            with self.subTest(options):
                self.assertRaises(hx.InvalidArgumentError, hx.connect, "home", **self.options(**options))
        self.assertRaises(ValueError, hx.connect, "home", **self.options(), timeout=-1)
        self.assertRaises(TypeError, hx.connect, "home", **self.options(name_server="x"))
        with mock.patch.dict(os.environ):
            os.environ.pop("HX_NAMESERVER", None)
            with self.assertRaisesRegex(hx.InvalidArgumentError, "HX_NAMESERVER"):
                hx.connect("home", insecure=True)


class KeyFiles(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "hx", "key")
        patch = mock.patch.dict(os.environ, XDG_CONFIG_HOME=directory.name, HX_KEY="", HX_NAMESERVER="127.0.0.1:1")
        patch.start()
        self.addCleanup(patch.stop)

    def keys(self, **options: object) -> object:
        return hx._config.load_keys(hx.Config(**options))  # type: ignore[attr-defined, arg-type]

    def test_without_a_key_nothing_is_sent(self) -> None:
        with self.assertRaisesRegex(hx.NotFoundError, "hx key.*insecure=True"):
            hx.connect("home", timeout=PATIENCE)

    def test_the_key_is_where_the_tool_puts_it(self) -> None:
        self.path.parent.mkdir()
        self.path.write_text(hx.generate_key())
        self.path.chmod(0o644)
        with self.assertRaisesRegex(hx.InvalidArgumentError, "chmod 600"):
            self.keys()
        self.path.chmod(0o600)
        self.assertEqual(self.keys(), self.path.read_text())
        os.environ["HX_KEY"] = "of the environment"
        self.assertEqual(self.keys(), "of the environment")
        self.assertEqual(self.keys(key_file=self.path), self.path.read_text())
        self.assertEqual(self.keys(keys="of the program"), "of the program")
        self.assertIsNone(self.keys(insecure=True))

    def test_a_devices_key_is_where_the_tool_puts_it(self) -> None:
        key = hx.generate_device_key()
        self.assertRegex(hx.device_key_public(key), "^ed25519:[A-Za-z0-9_-]{43}$")
        self.assertRaises(hx.InvalidArgumentError, hx.device_key_public, "mistyped")
        load = hx._config.load_device_key  # type: ignore[attr-defined]
        self.assertIsNone(load(hx.Config()))
        self.path.parent.mkdir()
        file = self.path.with_name("device.key")
        file.write_text(key)
        file.chmod(0o644)
        with self.assertRaisesRegex(hx.InvalidArgumentError, "chmod 600"):
            load(hx.Config())
        file.chmod(0o600)
        self.assertEqual(load(hx.Config()), key)
        file.write_text("mistyped")
        with self.assertRaisesRegex(hx.InvalidArgumentError, "device.key.*hx key --device FILE"):
            load(hx.Config())
        self.assertIsNone(load(hx.Config(device_key="")))
        self.assertEqual(load(hx.Config(device_key="another")), "another")

    def test_a_text_of_keys_can_be_checked(self) -> None:
        key = hx.generate_key()
        hx.check_keys(f"# mine\n{key} laptop\n")
        with self.assertRaisesRegex(hx.InvalidArgumentError, "line 2"):
            hx.check_keys(f"{key}\nmistyped\n")
        self.assertRaises(hx.NotFoundError, hx.check_keys, "# none\n")
