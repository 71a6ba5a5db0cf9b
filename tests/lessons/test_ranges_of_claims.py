"""What a claim's `source=` says of seed 0 is what the record of seed 0 has.

Four forms are read: "seed 0: 0.26", "seeds 0, 1, 2031: 0.26, 0.31, 0.28" (one for each seed), "seeds 0, 1: 0.26 to
0.31" (a range), and "worst of seeds 0, 1: 0.31" or "seeds 0, 1: at most 0.31" (also least, lowest, smallest). A
value may differ by a unit of the last digit. Other forms are prose, which readers judge. The file ranges_allowed.toml
names the claims that contradict their record; it may only become shorter.
"""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
RECORDS = {f"{path.parts[-4]}/{path.parts[-3][:2]}": path for path in sorted(LESSONS.glob("*/*/recorded/metrics.json"))}
ALLOWED = tomllib.loads(Path(__file__).with_name("ranges_allowed.toml").read_text(encoding="utf-8"))

NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e-?\d+)?"
SEEDS = r"\bseeds? 0((?:, \d+)*(?:,? and \d+)?)"
CHAIN = rf"{NUMBER}(?:(?: \([^)]*\))?(?:,? and |, ){NUMBER})*"  # "20.5, 18.4 (moons), 21.9, 16.9"
WORST = re.compile(rf"\b(worst|least|lowest|smallest|largest) (?:level )?of {SEEDS}: ({CHAIN})")
BOUND = re.compile(rf"{SEEDS}: (?:the )?(worst|least|at most|at least|largest|smallest) ({CHAIN})")
RANGE = re.compile(rf"{SEEDS}: ({NUMBER}) to ({NUMBER})(?:,? and ({NUMBER}) to ({NUMBER}))?")
EACH = re.compile(rf"{SEEDS}: ({CHAIN})(?! to\b| and more)(?![\d.])")
UPPER = {"largest": True, "at most": True, "least": False, "at least": False, "lowest": False, "smallest": False}


def numbers(chain):
    """The numbers of a text outside of brackets, each with one unit of its last digit."""
    found = []
    for text in re.findall(NUMBER, re.sub(r"\([^)]*\)", "", chain)):
        mantissa, _, exponent = text.replace(",", "").partition("e")
        decimals = len(mantissa.partition(".")[2])
        found.append((float(text.replace(",", "")), 10.0 ** (int(exponent or 0) - decimals)))
    return found


def contradiction(claim):
    """What the source of a claim says of seed 0 and its recorded value denies; "" if nothing.

    Claims that were made in a loop share one source with several numbers: it is enough if one of them fits.
    """
    values, source = np.atleast_1d(claim["value"]).ravel(), claim["source"]
    lowest, highest = min(values), max(values)
    if found := WORST.search(source) or BOUND.search(source):
        word, chain = (found[1], found[3]) if found.re is WORST else (found[2], found[3])
        upper = UPPER.get(word, claim["bar"].startswith("≤"))
        if word == "worst" and not claim["bar"].startswith(("≤", "≥")):
            return ""  # of a value between two thresholds: which is worse?
        fits = [highest <= bound + unit if upper else lowest >= bound - unit for bound, unit in numbers(chain)]
        return "" if any(fits) else f"{highest if upper else lowest:.4g}, and the {word} is {chain}"
    if found := RANGE.search(source):
        ends = [end for end in found.groups()[1:] if end]
        for low, high in zip(ends[::2], ends[1::2]):
            (least, unit), (most, other) = *numbers(low), *numbers(high)
            if least - unit <= lowest and highest <= most + other:
                return ""
        return f"{lowest:.4g} to {highest:.4g}, and the range is {' to '.join(ends)}"
    if (found := EACH.search(source)) and len(values) == 1:
        of_seed_0 = numbers(found[2])[:: 1 + len(re.findall(r"\d+", found[1]))]
        fits = [abs(values[0] - expected) <= unit for expected, unit in of_seed_0]
        return "" if any(fits) else f"{values[0]:.4g}, and the seeds have {found[2]}"
    return ""


def all_contradictions(lesson):
    claims = json.loads(RECORDS[lesson].read_text(encoding="utf-8"))["claims"]
    return {claim["name"]: found for claim in claims if (found := contradiction(claim))}


@pytest.mark.parametrize("lesson", RECORDS)
def test_the_source_of_a_claim_agrees_with_the_record(lesson):
    found, allowed = all_contradictions(lesson), ALLOWED.get(lesson, [])
    wrong = [f"{name}: {said}" for name, said in found.items() if name not in allowed]
    assert not wrong, "\n".join(wrong)
    assert set(allowed) <= set(found), (
        f"take from ranges_allowed.toml what is no longer needed: {set(allowed) - set(found)}"
    )


def claim_of(value, bar, source):
    return {"value": value, "bar": bar, "source": source}


@pytest.mark.parametrize(
    "claim, contradicts",
    [
        (claim_of(0.264, "≤ 1", "seed 0: 0.26"), False),
        (claim_of(0.28, "≤ 1", "seed 0: 0.26, plus a half"), True),
        (claim_of(0.31, "≤ 1", "theory: 0; seeds 0, 1 and 2031: 0.26, 0.31, 0.28; untrained 2"), True),
        (claim_of(0.26, "≤ 1", "seeds 0 and 2031: 0.26, 0.31"), False),
        (claim_of([0.26, 0.3], "≤ 1", "seeds 0, 1: 0.26 to 0.31"), False),
        (claim_of([0.26, 0.4], "≤ 1", "seeds 0, 1: 0.26 to 0.31"), True),
        (claim_of(2.7, "≥ 1", "seeds 0, 1: 0.99 to 1.00, and 2.6 to 2.8"), False),
        (claim_of(0.4, "≤ 1", "worst of seeds 0, 1: 0.31"), True),
        (claim_of(0.4, "≥ 0.1", "worst of seeds 0, 1: 0.31"), False),
        (claim_of(2047, "≥ 300", "worst of seeds 0, 1, 2: 2,400, here an eighth of it"), True),
        (claim_of(0.2, "≥ 0.1", "seeds 0, 1: at least 0.31"), True),
        (claim_of(21.9, "≥ 9", "seeds 0, 1: 20.5, 18.4 (moons), 21.9, 16.9 (ring), less a third"), False),
        (claim_of(18.4, "≥ 9", "seeds 0, 1: 20.5, 18.4 (moons), 21.9, 16.9 (ring), less a third"), True),
        (claim_of(7, "≥ 1", "theory: 1"), False),
    ],
)
def test_which_sources_contradict_a_value(claim, contradicts):
    assert bool(contradiction(claim)) == contradicts
