"""The glossary: its entries are sound, and each term stands in the lesson that it points to."""

import json
import re

from minigen.cli import main
from minigen.course.index import posts
from minigen.course.index.names import find_lesson, resolve


def words(text: str) -> str:
    """A lesson's text without comment signs, emphasis and line breaks, in small letters."""
    lines = (line.removeprefix("#").strip() for line in text.splitlines())
    return re.sub(r"\s+", " ", " ".join(lines).replace("*", "")).lower()


def test_terms_are_in_order_and_stand_once():
    terms = [entry["term"].lower().replace("é", "e") for entry in posts.glossary()]
    assert len(terms) > 100 and terms == sorted(set(terms))


def test_each_term_stands_in_the_lesson_that_it_points_to():
    texts = {}
    for entry in posts.glossary():
        lesson = entry["lesson"]
        if lesson not in texts:
            texts[lesson] = words(find_lesson(lesson).path.read_text(encoding="utf-8"))
        assert re.search(rf"(?<![a-z]){re.escape(entry['term'].lower())}", texts[lesson]), entry


def test_an_entry_is_one_or_two_sentences_and_its_links_exist():
    terms = {row["term"] for row in posts.glossary()}
    ids = {row["id"] for table in (posts.equations(), posts.figures(), posts.sections()) for row in table}
    for entry in posts.glossary():
        meaning = entry["meaning"]
        assert meaning.endswith(".") and 20 < len(meaning) < 260, entry
        assert len(re.findall(r"[.?!](?= [A-Z]|$)", meaning)) <= 2, entry
        for link in filter(None, entry["see"].split(", ")):
            assert link != entry["term"], entry
            assert link in terms | ids or resolve(link).exercise, link


def test_the_command_shows_one_term_many_or_all(capsys):
    assert main(["glossary", "Logit"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("logit\n    The logarithm of the odds") and "(start/01; see sigmoid" in shown
    assert main(["glossary", "logits"]) == 0  # as the lessons say it
    assert capsys.readouterr().out == shown
    assert main(["glossary", "betas"]) == 0  # a term of its own, though "beta-VAE" begins so
    assert capsys.readouterr().out.startswith("betas\n")
    assert main(["glossary", "mode"]) == 0  # the term itself, not all that begin so
    assert capsys.readouterr().out.count("\n") == 2
    assert main(["glossary", "sliced", "--json"]) == 0
    assert [row["term"] for row in json.loads(capsys.readouterr().out)] == ["sliced Wasserstein distance"]
    assert main(["glossary"]) == 0
    everything = capsys.readouterr().out
    assert all(entry["term"] in everything for entry in posts.glossary())
    assert max(map(len, everything.splitlines())) <= 100


def test_a_term_that_is_not_there_gets_the_nearest(capsys):
    assert main(["glossary", "perplexitty"]) == 2
    assert "did you mean perplexity?" in capsys.readouterr().err
    assert main(["glossary", "zzz"]) == 2
    assert "see minigen glossary" in capsys.readouterr().err


def test_terms_of_the_field_that_a_reader_looks_up(capsys):
    for term in (
        *("logits", "nats", "softplus", "EMA", "U-Net", "DDIM", "cross-attention", "FID", "standard error"),
        *("group norm", "AdaGN", "standard errors", "u-net"),
    ):
        assert main(["glossary", term]) == 0
        assert capsys.readouterr().out.lower().startswith(term.lower().rstrip("s")), term
