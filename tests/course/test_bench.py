"""`minigen bench`: the comparison with recorded processors, with made-up times in place of measured ones."""

import pytest

from minigen.course.commands import bench
from minigen.zoo.workloads import WORKLOADS, Workload


@pytest.fixture
def quick(monkeypatch):
    """Workloads that take twice the time of the first recorded processor, without being run."""
    first = bench.recorded()[0]
    names = iter(WORKLOADS)
    monkeypatch.setattr(bench, "WORKLOADS", {n: lambda: Workload(lambda: None, 1.0, True) for n in WORKLOADS})
    monkeypatch.setattr(bench, "milliseconds", lambda step, seconds=0.5: 2 * first.milliseconds[next(names)])
    monkeypatch.setattr(bench, "product_milliseconds", lambda flops: 1.0)


def test_two_processors_are_recorded_for_every_workload():
    processors = bench.recorded()
    assert len(processors) >= 2
    for processor in processors:
        assert processor.milliseconds.keys() == WORKLOADS.keys(), processor.name
        assert all(ms > 0 for ms in processor.milliseconds.values())


def test_slowdown_is_a_geometric_mean():
    processor = bench.Processor("old", "an old one", {"a": 1.0, "b": 10.0, "c": 5.0})
    assert bench.slowdown({"a": 2.0, "b": 80.0}, processor) == pytest.approx(4.0)  # sqrt(2 · 8)


def test_the_table_has_a_column_for_each_processor(quick, capsys):
    assert bench.main([]) == 0
    out = capsys.readouterr().out
    for processor in bench.recorded():
        assert f"/ {processor.name}" in out and processor.long in out
    assert "takes 2.00 times as long" in out
    gan_02 = next(line for line in out.splitlines() if line.startswith("gan/02"))
    declared, here = gan_02.split()[1:]
    assert float(here) == pytest.approx(2 * float(declared), abs=0.06)
    assert out.rstrip().splitlines()[-1].startswith("all lessons")


def test_some_workloads_say_nothing_about_minutes(quick, capsys):
    first = next(iter(WORKLOADS)).split(",")[0]
    assert bench.main([first]) == 0
    assert "Minutes" not in capsys.readouterr().out
