"""The bibliography: sound entries, citations that mean one of them, and what a lesson does with its sources."""

import ast
import json
import re
from functools import cache

import pytest

from minigen.course import Lesson
from minigen.course.index.lessons import all_lessons
from minigen.course.index.names import find_lesson
from minigen.course.index.package import PACKAGE
from minigen.course.index.sources import bibliography, citations, cited, reference, sources_of
from minigen.course.lesson import events
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.recipe import recipe_of

ROOT = PACKAGE.parent
POSTS = {"gan": "weng2017gan", "vae": "weng2018vae", "flow": "weng2018flow", "diffusion": "weng2021diffusion"}
PARTS = ("lessons", "exercises", "package", "guides")


@cache
def said_in(lesson):
    """What a lesson says: its text, and where the thresholds of its claims come from."""
    source = lesson.source
    given = [value for call in source.calls_of("claim") if (value := call.argument("source"))]
    names = {value.id for value in given if isinstance(value, ast.Name)}
    given += [
        node.value
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names
    ]
    constants = [node.value for value in given for node in ast.walk(value) if isinstance(node, ast.Constant)]
    text = [cell.text for cell in source.cells if cell.is_text]
    return "\n\n".join([*text, *map(str, constants)])


def texts(part):
    """(where, text) of all that may cite a source: in the lessons, their exercises, the package, or the guides."""
    if part == "lessons":
        yield from ((lesson.id, said_in(lesson)) for lesson in all_lessons())
        return
    paths = {
        "exercises": [*ROOT.glob("lessons/*/*/exercise.py"), *ROOT.glob("lessons/*/*/answers.py")],
        "package": [path for path in PACKAGE.rglob("*.py") if "_lessons" not in path.parts],
        "guides": [ROOT / "README.md", *ROOT.glob(".github/*.md"), *PACKAGE.glob("course/data/*.tsv")],
    }
    yield from ((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths[part])


@cache
def citations_in(part):
    """(where, citation, keys) of every citation in a part."""
    return [(where, citation, keys) for where, text in texts(part) for citation, keys in citations(text)]


# -- the entries -------------------------------------------------------------------------------------------------------


def test_an_entry_is_complete_and_its_key_is_its_author_and_year():
    assert list(bibliography()) == sorted(bibliography()) and len(bibliography()) > 100
    plain = str.maketrans("áäéíøüö", "aaeiouo")
    for key, source in bibliography().items():
        author = re.sub("[ '-]", "", source.authors[0].lower().translate(plain))
        assert re.fullmatch(rf"{author}{source.year[:4]}[a-z0-9]+", key), key
        assert len(set(source.authors)) == len(source.authors) and "others" not in source.authors[:-1], key
        assert re.fullmatch(r"(18|19|20)\d\d[a-z]?", source.year), key
        assert len(source.title) > 10 and not source.title.endswith(".") and source.title[0] != " ", key
        assert source.venue and sum(map(bool, (source.arxiv, source.doi, source.url))) <= 1, key


def test_a_number_on_arxiv_fits_the_year():
    for key, source in bibliography().items():
        if source.arxiv and "/" not in source.arxiv:
            year, month, number = re.fullmatch(r"(\d\d)(\d\d)\.(\d+)", source.arxiv).groups()
            assert 1 <= int(month) <= 12 and len(number) == (5 if int(year) >= 15 else 4), key
            assert -2 <= 2000 + int(year) - int(source.year[:4]) <= 1, key  # in print up to two years later
        if source.doi:
            assert re.fullmatch(r"10\.\d{4,5}/\S+", source.doi), key


def test_no_two_entries_are_the_same():
    for what in ("title", "arxiv", "doi", "url"):
        values = [getattr(source, what) for source in bibliography().values() if getattr(source, what)]
        assert len(set(values)) == len(values), what


def test_letters_tell_apart_what_would_be_cited_alike():
    by_citation = {}
    for source in bibliography().values():
        short = source.names if len(source.authors) < 3 else f"{source.authors[0]} et al."
        by_citation.setdefault((short, source.year[:4]), []).append(source.year)
    for citation, years in by_citation.items():
        letters = sorted(year[4:] for year in years if year[4:])
        assert letters == list("abcdef"[: len(letters)]), citation


def test_a_reference_in_words():
    assert reference("ho2020ddpm") == (
        "Ho, Jain and Abbeel (2020). Denoising diffusion probabilistic models. NeurIPS. https://arxiv.org/abs/2006.11239"
    )
    assert reference("vincent2011connection").startswith("Vincent (2011). ")
    assert reference("saharia2022imagen").startswith("Saharia, Chan, Saxena, Li et al. (2022). Photorealistic")
    assert "do actually converge? ICML." in reference("mescheder2018converge")
    assert reference("popov1980modification").endswith(" 28.")  # no address
    by_link = bibliography()["dowson1982frechet"]  # in Markdown a parenthesis would end the address
    assert by_link.link == "https://doi.org/10.1016/0047-259X%2882%2990077-X"
    assert by_link.number == "doi:10.1016/0047-259X(82)90077-X"
    assert bibliography()["kingma2014vae"].number == "arXiv:1312.6114"
    with pytest.raises(KeyError):
        reference("nobody2020nothing")


# -- citations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("noise (Ho et al. 2020, section 3.2)", ["ho2020ddpm"]),
        ("of Ho et\n    # al. (2020) has", ["ho2020ddpm"]),
        ("Ho, Jain and Abbeel 2020", ["ho2020ddpm"]),
        ("Ho, Jain, and Abbeel, 2020", ["ho2020ddpm"]),
        ("Ho and Salimans 2021", ["ho2021classifierfree"]),
        ("Rezende & Mohamed (2015)", ["rezende2015flows"]),
        ("Burda 2016, Table 1", ["burda2016iwae"]),
        ("Arjovsky 2017, Fig. 3", ["arjovsky2017principled", "arjovsky2017wgan"]),  # not clear
        ("Arjovsky et al. 2017", ["arjovsky2017wgan"]),  # two authors are both named
        ("Arjovsky, Bottou 2017", ["arjovsky2017principled"]),
        ("Song, Sohl-Dickstein et al. (2021)", ["song2021sde"]),
        ("Song et al. 2021", ["song2021ddim", "song2021sde"]),  # not clear
        ("Van den Oord et al. 2016a", ["vandenoord2016pixelrnn"]),
        ("van den Oord et al. 2016b, 2017", ["vandenoord2016pixelcnn", "vandenoord2017vqvae"]),
        ("van den Oord et al. 2016", []),
        ('Van den Oord et al., "WaveNet: A Generative\nModel for Raw Audio", 2016', ["vandenoord2016wavenet"]),
        ('Okabe and Ito ("Color Universal Design", 2008)', ["okabe2008color"]),
        ("LeCun, Bottou, Bengio and Haffner, *Gradient-based learning*, 1998", ["lecun1998document"]),
        ('Salimans et al. 2016, "Improved techniques for training GANs"', ["salimans2016improved"]),
        ('Salimans et al. 2016, "A title of another paper"', []),
        ("(Popov 1980, Daskalakis et al. 2018)", ["popov1980modification", "daskalakis2018optimism"]),
        ("Ho and Jain 2020", []),
        ("Jain et al. 2020", []),
        ("Ho et al. 2022", []),
        ("a version of 2020, in 784 dimensions", []),
    ],
)
def test_what_a_citation_means(text, keys):
    assert sorted(key for _, found in citations(text) for key in found) == sorted(keys)
    assert cited(text) == set(keys)


@pytest.mark.parametrize("part", PARTS)
def test_every_citation_means_exactly_one_entry(part):
    assert [f"{where}: {citation}: {keys}" for where, citation, keys in citations_in(part) if len(keys) != 1] == []
    assert citations_in(part) or part == "exercises"


def test_every_entry_is_cited_or_declared():
    used = {key for part in PARTS for _, _, keys in citations_in(part) for key in keys}
    used |= {key for lesson in all_lessons() for key in lesson.sources}
    assert set(bibliography()) - used == set()


# -- lessons -----------------------------------------------------------------------------------------------------------


def test_a_lesson_declares_its_post_and_all_that_it_cites():
    for lesson in all_lessons():
        assert lesson.sources, lesson.id
        assert lesson.sources[0] == POSTS.get(lesson.post, lesson.sources[0]), lesson.id
        assert cited(said_in(lesson)) <= set(lesson.sources), lesson.id
        assert [source.key for source in sources_of(lesson)] == list(lesson.sources)
        papers = [source.year for source in sources_of(lesson) if source.key not in POSTS.values()]
        assert papers == sorted(papers), f"{lesson.id}: papers in the order of their years"


def test_a_lesson_ends_with_its_sources(tmp_path, capsys):
    keys = ["weng2017gan", "goodfellow2014gan"]
    lesson = Lesson("gan/02_gan", title="GANs", post="gan", sources=keys, options=RunOptions(out=tmp_path))
    assert reference(keys[1]) not in capsys.readouterr().out
    lesson.finish()
    printed = capsys.readouterr().out
    assert f"  sources\n    {reference(keys[0])}\n    {reference(keys[1])}\n" in printed
    assert printed.index("sources") < printed.index("no claims") and printed.endswith(f"see {lesson.out}\n")
    metrics = json.loads((lesson.out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["sources"] == keys
    assert reference(keys[0]) in (lesson.out / "log.txt").read_text(encoding="utf-8")


def test_a_lesson_without_sources_shows_no_empty_list(tmp_path, capsys):
    lesson = Lesson("gan/02_gan", title="GANs", post="gan", options=RunOptions(out=tmp_path))
    seen = []
    lesson.events.sinks.append(seen.append)
    lesson.finish()
    assert "\n  sources" not in capsys.readouterr().out
    assert not any(isinstance(event, events.Sources) for event in seen)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (["goodfellow2014"], "'goodfellow2014' is not a key of minigen/course/data/bibliography.toml"),
        (["weng2017gan", "weng2017gan"], "'weng2017gan' is among the sources twice"),
    ],
)
def test_a_source_that_is_not_known_is_refused(tmp_path, write_lesson, keys, says):
    with pytest.raises(ValueError, match=says):
        Lesson("gan/02_gan", title="GANs", post="gan", sources=keys, options=RunOptions(out=tmp_path))
    path = write_lesson("gan/02_x")
    path.write_text(path.read_text(encoding="utf-8").replace("minutes=0.5", f"sources={keys}"), encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        sources_of(find_lesson("gan/02"))


def test_sources_minutes_and_picture_change_no_result(write_lesson):
    path = write_lesson("gan/02_x")
    text = path.read_text(encoding="utf-8")
    before = recipe_of(path)
    path.write_text(text.replace("minutes=0.5", "minutes=0.5, sources=['weng2017gan']"), encoding="utf-8")
    assert recipe_of(path) == before
    path.write_text(text.replace("minutes=0.5", "minutes=0.6, picture='bars'"), encoding="utf-8")
    assert recipe_of(path) == before
    path.write_text(text.replace("minutes=0.5", "minutes=0.5, figures=['gan.f01']"), encoding="utf-8")
    assert recipe_of(path) != before
