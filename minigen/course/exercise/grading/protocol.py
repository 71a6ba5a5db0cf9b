"""Frames between a worker and its parent: a JSON header, then the bytes of arrays. Nothing is unpickled or evaluated.

    nonce (16 bytes) | length of the header (4) | length of the arrays (8) | header | arrays

The parent draws the nonce for each worker. It keeps stray or forged bytes from being read as a message; it is no secret
from code inside the worker, and need not be, since the parent compares values itself.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import CaseOutcome

__all__ = [
    "MAX_BYTES",
    "MAX_HEADER",
    "NONCE_BYTES",
    "ProtocolError",
    "arrays_of",
    "encode",
    "fields",
    "outcome_of",
    "read",
]

NONCE_BYTES = 16
MAX_BYTES = 64 * 2**20  # arrays of one frame
MAX_HEADER = 2**20
MAX_LINE = 2**20  # no file has more lines
NOT_OF_WORKERS = {*status.OF_THE_FILE, status.WRONG_VALUE, status.GRADER_ERROR}  # what the parent alone can find
RESHAPED = "reshaped: "  # before the names of arrays
_LENGTHS = struct.Struct(">IQ")
_NUMBERS = re.compile(r"[<|][biufc]\d{1,2}")  # types of booleans, integers, floats and complex numbers


class ProtocolError(ValueError):
    """Bytes that are no frame of this worker."""


def encode(nonce: bytes, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> bytes:
    """One frame. Arrays must be of booleans, integers, floats or complex numbers."""
    described, blobs = [], []
    for name, array in (arrays or {}).items():
        described.append([name, array.dtype.newbyteorder("<").str, list(array.shape)])
        blobs.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    text = json.dumps({**header, "arrays": described}).encode()
    body = b"".join(blobs)
    return nonce + _LENGTHS.pack(len(text), len(body)) + text + body


def read(stream_read: Callable[[int], bytes], nonce: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Return the next frame as (header, arrays), or None at the end of the stream.

    Raises ProtocolError for anything else.
    """
    first = stream_read(1)
    if not first:
        return None
    start = first + _exactly(stream_read, NONCE_BYTES + _LENGTHS.size - 1)
    if start[:NONCE_BYTES] != nonce:
        raise ProtocolError("a message without this worker's mark")
    header_length, body_length = _LENGTHS.unpack(start[NONCE_BYTES:])
    if header_length > MAX_HEADER or body_length > MAX_BYTES:
        raise ProtocolError(f"a message of {header_length + body_length:,} bytes")
    try:
        header = json.loads(_exactly(stream_read, header_length))
        described = header.pop("arrays")
        return header, _arrays(described, _exactly(stream_read, body_length))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ProtocolError(f"a damaged message: {error}") from None


def fields(outcome: CaseOutcome) -> dict[str, Any]:
    """Return the fields of an outcome in a header; the arrays of the frame are `arrays_of` it."""
    return {
        "status": outcome.status,
        "message": outcome.message[:2000],
        "line": outcome.line,
        "text": outcome.text[:200],
        "draws": outcome.draws,
        "untouched": list(outcome.untouched),
        "call": outcome.call,
    }


def arrays_of(outcome: CaseOutcome) -> dict[str, np.ndarray]:
    """Return the arrays of an outcome for a frame."""
    return {**outcome.values, **{f"{RESHAPED}{name}": array for name, array in outcome.reshaped.items()}}


def outcome_of(header: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> CaseOutcome:
    """Return the outcome that a frame carries, whose arrays are those of `arrays_of`.

    Raises ProtocolError for one that no worker writes.

    A worker judges no value, and does not report the grader's own error: what goes wrong beside a student's function is
    hers.
    """
    try:
        state, message, line, text = (header[name] for name in ("status", "message", "line", "text"))
        if state not in status.WORDS or state in NOT_OF_WORKERS:
            raise ValueError(f"no worker reports {state!r}")
        if not (type(message) is type(text) is str and (line is None or type(line) is int and 0 < line <= MAX_LINE)):
            raise ValueError("the message, line or text is none")
        untouched = tuple(name for name in header["untouched"] if type(name) is str)
        call = header["call"]
        if not (call is None or type(call) is int and call >= 0):
            raise ValueError("the number of the call is none")
        message, text = (words.encode("utf-8", "backslashreplace").decode() for words in (message[:2000], text[:200]))
        draws = bool(header["draws"])
        values = {name: array for name, array in arrays.items() if not name.startswith(RESHAPED)}
        reshaped = {name.removeprefix(RESHAPED): array for name, array in arrays.items() if name not in values}
        return CaseOutcome(
            state, message, line, text, values, draws=draws, untouched=untouched, call=call, reshaped=reshaped
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"this is not an outcome: {error}") from None


def _arrays(described: list, body: bytes) -> dict[str, np.ndarray]:
    arrays, offset = {}, 0
    for name, dtype_name, shape in described:
        if not _NUMBERS.fullmatch(dtype_name) or any(type(size) is not int or size < 0 for size in shape):
            raise ProtocolError(f"{name!r} is no array of numbers")
        dtype = np.dtype(dtype_name)
        end = offset + dtype.itemsize * math.prod(shape)
        if end > len(body):
            raise ProtocolError(f"{name!r} is cut short")
        arrays[str(name)] = np.frombuffer(body[offset:end], dtype=dtype).reshape(shape).copy()
        offset = end
    return arrays


def _exactly(stream_read: Callable[[int], bytes], count: int) -> bytes:
    pieces, missing = [], count
    while missing:
        piece = stream_read(missing)
        if not piece:
            raise ProtocolError("the message stops in the middle")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
