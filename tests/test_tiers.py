"""A test without a marker has a limit of processor time."""

import os
import subprocess
import sys

TESTS = """
import subprocess, sys, time
import pytest

def work():
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass

CHILD = [sys.executable, "-c", "import time\\nwhile time.process_time() < 0.2: pass"]

@pytest.fixture
def costly():
    work()

def test_waits():
    time.sleep(0.2)

def test_works():
    work()

def test_starts_a_program():
    subprocess.run(CHILD)

def test_has_a_costly_fixture(costly):
    pass

@pytest.mark.slow
def test_is_marked():
    subprocess.run(CHILD)
"""


def test_a_costly_test_without_a_marker_fails(tmp_path, root):
    text = (root / "tests" / "conftest.py").read_text(encoding="utf-8")
    assert "SECONDS = 2.0 " in text
    (tmp_path / "conftest.py").write_text(text.replace("SECONDS = 2.0 ", "SECONDS = 0.15 "), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", encoding="utf-8")
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "test_some.py"]
    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins take longer to load than these tests to run
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=plain)
    results = [line.split() for line in done.stdout.splitlines() if "::test" in line]
    assert {name.split("::")[1]: result for result, name, *_ in results} == {
        "test_waits": "PASSED",
        "test_works": "FAILED",
        "test_starts_a_program": "FAILED",
        "test_has_a_costly_fixture": "ERROR",
        "test_is_marked": "PASSED",
    }, done.stdout
    assert "s of processor time; at most 0.15 s are allowed" in done.stdout
