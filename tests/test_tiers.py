"""What a test without a marker costs is measured where that is asked for, and fails in `.ci/run` only."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests import costs

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

@pytest.fixture
def costly_in_the_end():
    yield
    work()

def test_waits():
    time.sleep(0.2)

def test_works():
    work()

def test_starts_a_program():
    subprocess.run(CHILD)

def test_has_a_costly_fixture(costly):
    pass

def test_has_another(costly_in_the_end):
    pass

@pytest.mark.slow
def test_is_marked():
    subprocess.run(CHILD)
"""
COSTLY = {"test_works", "test_starts_a_program", "test_has_a_costly_fixture", "test_has_another"}


def nested(folder, root, *arguments, measure=True):
    """Run TESTS under the project's own conftest; the files of measured costs."""
    (folder / "conftest.py").write_text((root / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow\n", encoding="utf-8")
    (folder / "test_some.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, "test_some.py"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # plugins take longer to load than these to run
    environment.pop("MINIGEN_TEST_COSTS", None)
    if measure:
        environment["MINIGEN_TEST_COSTS"] = str(folder / "costs")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout + done.stderr
    return [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "costs").glob("*.json")]


@pytest.mark.parametrize(
    "arguments", [(), pytest.param(("-p", "xdist.plugin", "-n", "2", "--dist", "worksteal"), marks=pytest.mark.slow)]
)
def test_costly_tests_pass_and_are_measured(tmp_path, root, arguments):
    """Work counts, also of fixtures and of programs that a test starts; waiting does not."""
    (tmp_path / "costs").mkdir()
    (tmp_path / "costs" / "of-an-earlier-run.json").write_text('{"tests": {"t.py::test_a": 9.0}, "units": 9.0}')
    files = nested(tmp_path, root, *arguments)
    assert len(files) == (3 if arguments else 1)  # two workers and what leads them
    units = {name.split("::")[1]: cost for file in files for name, cost in file["tests"].items()}
    assert set(units) == {"test_waits", *COSTLY}
    assert min(units[name] for name in COSTLY) > 3 * units["test_waits"], units
    assert sum(file["units"] for file in files) > sum(units.values())  # with starting, and the marked test
    text, passes = costs.report(tmp_path / "costs")
    assert passes and "All 5 tests" in text


def test_nothing_is_measured_unless_it_is_asked_for(tmp_path, root):
    assert nested(tmp_path, root, measure=False) == []


def measured(monkeypatch, tmp_path, *seconds_of_units):
    """A plugin for which a unit takes what is given, one value after the other."""
    values = iter(seconds_of_units)
    monkeypatch.setattr(costs, "unit_seconds", lambda: next(values))
    return costs.Costs(tmp_path)


def test_a_slow_machine_has_the_same_costs(monkeypatch, tmp_path):
    """On one of a quarter of the speed a unit takes four times as long, as do the tests."""
    for slowness in (1.0, 4.0):
        plugin = measured(monkeypatch, tmp_path, 0.5 * slowness, 0.5 * slowness)
        assert plugin.in_units(1.0 * slowness) == 2.0
        assert plugin.in_units(5.0 * slowness) == 10.0


def test_a_machine_that_becomes_slower_is_measured_again(monkeypatch, tmp_path):
    """A costly test is judged by the slower of the units before and after it, and those that follow by the last one."""
    plugin = measured(monkeypatch, tmp_path, 0.5, 2.0, 0.5)
    assert plugin.in_units(8.0) == 4.0  # 16 by the unit of before
    assert plugin.in_units(3.0) == 1.5
    assert plugin.in_units(10.0) == 5.0
    assert plugin.in_units(1.0) == 2.0


def test_a_unit_is_its_number_of_rounds_by_the_quickest(monkeypatch):
    """What interrupts a round makes it slower, never quicker."""
    clock = iter([0.0, 0.004, *(0.1 * i + 0.001 * (i % 2) * i for i in range(1000))])
    monkeypatch.setattr(costs, "fixed_work", lambda: None)
    monkeypatch.setattr(costs.time, "process_time", lambda: next(clock))
    assert costs.unit_seconds() == pytest.approx(0.004 * costs.ROUNDS)


def test_a_test_that_costs_too_much_is_named_and_fails_the_step(tmp_path):
    """The most that is allowed passes; what costs a little more does not, in whichever process it ran."""
    folder = tmp_path / "costs"
    folder.mkdir()
    write = {"1": {"t.py::test_a": 10.0, "t.py::test_b": 0.1}, "2": {"t.py::test_c": costs.MOST}, "3": {}}
    for name, units in write.items():
        (folder / f"{name}.json").write_text(json.dumps({"tests": units, "units": 12.0}), encoding="utf-8")
    text, passes = costs.report(folder)
    assert not passes
    head, _, tail = text.partition("These cost more than 8 units")
    assert tail.splitlines()[1:] == ["t.py::test_a"]
    assert [line.split() for line in head.splitlines() if "::" in line] == [
        *(["10.0", "units", "t.py::test_a"], ["8.0", "units", "t.py::test_c"], ["0.1", "units", "t.py::test_b"])
    ]
    assert "All 3 tests: 36 units, about 18 s there; the goal is 400 s" in head
    command = [sys.executable, costs.__file__, str(folder)]
    assert subprocess.run(command, capture_output=True).returncode == 1
    (folder / "1.json").unlink()
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_a_step_without_measurements_fails(tmp_path):
    with pytest.raises(ValueError, match="holds no measured tests"):
        costs.report(tmp_path)


def test_the_step_is_in_ci_and_the_readme_does_not_ask_for_it(root):
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r'MINIGEN_TEST_COSTS="\$work/costs" bash -c "\$tests"\n', script)
    assert re.search(r'python tests/costs.py "\$work/costs"\n', script)
    assert "MINIGEN_TEST_COSTS" not in (root / "README.md").read_text(encoding="utf-8")
