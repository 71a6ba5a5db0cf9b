"""Tables, numbers and colors as they are printed."""

import io
import json
import sys

import numpy as np
import pytest

from minigen.course.console import (
    ascii_text,
    color,
    format_number,
    markdown_table,
    print_json,
    safe_streams,
    text_table,
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_colors_on_a_terminal_only(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert color("x", "red", Terminal()) == "\x1b[31mx\x1b[0m"
    assert color("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert color("x", "red", Terminal()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert color("x", "red", Terminal()) == "x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (1234567.0, "1.235e+06"),
        (12, "12"),
        (True, "True"),
        (None, ""),
        ("a", "a"),
        (float("nan"), "nan"),
        (np.float32(0.5), "0.5"),
        (np.arange(3), "0, 1, 2"),
        (np.arange(9), "0, 1, 2, 3, 4, 5, …"),
        ((1.5, "b"), "1.5, b"),
    ],
)
def test_numbers(value, text):
    assert format_number(value) == text


def test_tables():
    rows = [["a", 1.0, None], ["bbb", 22.5, "x|y"]]
    assert text_table(rows, ["name", "v", "note"], indent=" ") == (
        " name     v  note\n ----  ----  ----\n a        1\n bbb   22.5  x|y"
    )
    assert text_table([]) == ""
    assert markdown_table(rows, ["name", "v", "note"]).splitlines()[3] == "| bbb | 22.5 | x\\|y |"
    with pytest.raises(ValueError, match="every row of a table must have 2 cells, got 1"):
        text_table([[1]], ["a", "b"])


def test_text_for_terminals_that_know_only_ascii():
    assert ascii_text("α → β, Γ ≥ ϑ, ᾱ") == "alpha -> beta, Gamma >= theta, alpha"
    assert ascii_text("x² x₁ … é ‖x‖ “q” 30 %") == 'x2 x1 ... e ||x|| "q" 30 %'
    assert ascii_text("2½ · 10⁻⁶, xᵀ") == "2(1/2) . 10-6, xT"  # a half is not 12
    assert ascii_text("x\N{COMBINING TILDE} 4 … 7") == "x 4 ... 7"
    assert ascii_text("\N{SNOWMAN} \N{GRINNING FACE}") == "\\u2603 \\U0001f600"


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [
        ("ascii", "beta >= 0.5 +- 0.1, x2 = ||e|| -> \\u2603\\ud800"),
        ("cp1252", "beta >= 0.5 ± 0.1, x² = ||é|| -> \\u2603\\ud800"),
        ("utf-8", "β ≥ 0.5 ± 0.1, x² = ‖é‖ → \N{SNOWMAN}\\ud800"),
    ],
)
def test_a_stream_of_any_encoding_prints_any_text(encoding, seen, monkeypatch):
    """A bar keeps its direction, what a stream can encode stays as it is, and nothing raises: not even half a pair."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    safe_streams()
    print("β ≥ 0.5 ± 0.1, x² = ‖é‖ → \N{SNOWMAN}\ud800", end="", flush=True)
    assert stream.buffer.getvalue().decode(encoding) == seen


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8"])
def test_json_keeps_every_character_in_any_encoding(encoding, monkeypatch):
    """A quotation mark is not spelled as one that ends the string, and a face not as an escape that JSON lacks."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    safe_streams()
    content = {"“β ≥ é”": "\N{SNOWMAN} \N{GRINNING FACE} \ud800"}
    print_json(content)
    printed = stream.buffer.getvalue()
    assert json.loads(printed.decode(encoding)) == json.loads(printed.decode("utf-8")) == content
    assert ("≥" in printed.decode(encoding)) == (encoding == "utf-8")
