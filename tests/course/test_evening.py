"""The way through a post that takes an evening: its sections and exercises are there, and it is as short as it says."""

from types import SimpleNamespace

import pytest

from minigen.cli import main
from minigen.course.exercise import catalog
from minigen.course.exercise.progress import changed, next_step
from minigen.course.index.evenings import exercises_with
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson import blocks, recorded
from minigen.course.reading.composition import compose
from minigen.course.reading.evening import Stop, evening_of, evenings, hours
from minigen.course.reading.markdown import contents_page
from minigen.course.reading.sections import reading_minutes, sections_of

ALL = [f"{lesson.id.split('/')[0]}/{lesson.number}" for lesson in all_lessons()]
EVENING = 180  # minutes


def test_each_post_and_what_came_after_them_has_an_evening():
    assert list(evenings(ALL)) == ["gan", "vae", "flow", "diffusion", "after"]
    assert list(evenings({*ALL} - {"gan/11"})) == ["vae", "flow", "diffusion", "after"] and not evenings(["gan/02"])


@pytest.mark.parametrize("post", ["gan", "vae", "flow", "diffusion", "after"])
def test_it_takes_an_evening_in_the_order_of_the_lessons(post):
    evening = evening_of(post)
    assert 90 <= evening.minutes <= EVENING
    assert [stop.short for stop in evening.stops] == sorted({stop.short for stop in evening.stops})
    for stop in evening.stops:
        assert stop.lesson.post == post and list(stop.sections) == sorted({*stop.sections}), stop.short
        assert stop.reading_minutes >= 2, stop.short
        assert all(exercise.lesson == stop.short for exercise in stop.exercises)
    assert len(evening.exercises) >= 5
    assert evening.model.lesson in [stop.short for stop in evening.stops]


def test_the_minutes_of_a_stop_are_those_of_its_sections():
    first = evening_of("gan").stops[1]
    reading = compose(first.lesson, recorded.read(first.lesson).result)
    numbers = [section.number for section in reading.sections if section.number]
    others = sum(section.minutes for section in reading.sections[1:] if not section.number)  # such as "To remember"
    opening = Stop(first.lesson, (), ())
    parts = [Stop(first.lesson, (number,), ()).reading_minutes - opening.reading_minutes for number in numbers]
    assert opening.reading_minutes + sum(parts) + others == pytest.approx(reading.minutes, abs=0.6)
    both = Stop(first.lesson, (2, 5), ()).reading_minutes - opening.reading_minutes
    assert both == pytest.approx(parts[1] + parts[4])
    asked = first.lesson.path.read_text(encoding="utf-8").count("lesson.predict(")
    assert Stop(first.lesson, tuple(numbers), ()).predictions == asked >= 4 and opening.predictions == 0


def test_a_section_or_a_post_that_is_not_there():
    first = evening_of("gan").stops[1]
    with pytest.raises(ValueError, match="gan/02 has no section 99"):
        _ = Stop(first.lesson, (1, 99), ()).reading_minutes
    with pytest.raises(ValueError, match="an evening for gan, vae, flow, diffusion, after, not for 'start'"):
        evening_of("start")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ((3,), "section 3"),
        ((2, 6), "sections 2, 6"),
        ((1, 2), "sections 1 and 2"),
        ((1, 2, 3, 8), "sections 1 to 3, 8"),
    ],
)
def test_sections_in_words(sections, words):
    assert Stop(evening_of("gan").stops[1].lesson, sections, ()).places == words


def test_time_in_words():
    assert [hours(59), hours(121), hours(148)] == ["1 h 00 min", "2 h 00 min", "2 h 30 min"]
    assert hours(31) == "30 minutes"


def test_the_lists(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["list", "--path", "flow"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Flow-based Deep Generative Models in an evening: ")
    assert "the opening, sections 1 to 3, 5 and 6" in printed and "exercise flow/05/affine_forward" in printed
    assert f"{hours(evening_of('flow').minutes)} in all; 0 of 8 exercises passed" in printed
    assert f"a minute for each of {evening_of('flow').predictions} predictions" in printed
    assert "With another hour: exercise flow/05/from_scratch" in printed and "It needs" not in printed
    assert main(["list", "--path", "after"]) == 0
    assert "It needs the evenings flow and diffusion: minigen list --path flow" in capsys.readouterr().out
    assert main(["exercise", "list", "--path", "flow"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("flow/0") >= 8 and "flow/07" not in printed and "0 of 8 passed" in printed
    assert main(["list", "--path", "start"]) == 2
    assert main(["exercise", "list", "gan/02", "--path", "gan"]) == 2
    assert "give an ID or --path, not both" in capsys.readouterr().err


def test_the_contents_lead_to_each_lesson_of_an_evening():
    readings = [compose(lesson, None) for lesson in all_lessons()]
    page = contents_page(readings)
    assert page.count("**In an evening**") == 5
    for evening in evenings(ALL).values():
        for stop in evening.stops:
            assert f"[{stop.short}]({stop.lesson.id}/README.md) {stop.places}" in page
    assert "In an evening" not in contents_page(readings[:3])


def test_sections_that_may_be_skipped():
    shown = (
        blocks.Heading(1, "A lesson"),
        blocks.Text("Why?"),
        blocks.Heading(2, "1. The core"),
        blocks.Text(" ".join(["word"] * 160)),
        blocks.Heading(3, "1.1 Its part"),
        blocks.Heading(2, "2. An aside"),
        blocks.Text("*You may skip this section, because nothing below needs it.* " + " ".join(["word"] * 310)),
        blocks.Heading(2, "In short"),
    )
    sections = sections_of(shown)
    assert [section.number for section in sections] == [0, 1, 2, 0]
    assert [section.is_aside for section in sections] == [False, False, True, False]
    assert [len(section.blocks) for section in sections] == [2, 3, 2, 1]
    assert sum(section.minutes for section in sections) == pytest.approx(reading_minutes(shown))
    assert 2 < sections[2].minutes < 2.1


@pytest.mark.parametrize("post", ["gan", "vae", "flow", "diffusion", "after"])
def test_an_evening_has_no_section_that_may_be_skipped(post):
    for stop in evening_of(post).stops:
        reading = compose(stop.lesson, recorded.read(stop.lesson).result)
        assert not [s.number for s in reading.sections if s.is_aside and s.number in stop.sections], stop.short


@pytest.mark.parametrize(
    ("done", "exercise", "expected"),
    [
        ([], "gan/03/optimal_discriminator", "gan/10/earth_mover_1d"),
        (["gan/10/earth_mover_1d"], "gan/03/optimal_discriminator", "gan/12/critic_loss"),
        ([], "gan/12/gradient_penalty", ""),
        ([], "gan/02/discriminator_loss", ""),  # the next one is the next of the evening
        ([], "gan/04/", ""),  # of no evening
    ],
)
def test_after_a_pass_the_next_of_the_evening_is_named(tmp_path, done, exercise, expected):
    found = {id: catalog.find(id)[0] for id in [*done, exercise]}
    with changed(tmp_path) as record:
        for one in found.values():
            record.checked(one, one.points, True)
    report = SimpleNamespace(exercise=found[exercise], passed=True, file=tmp_path / "answers.py")
    said = next_step([report], tmp_path)
    assert ("evening: " + expected in said) if expected else ("evening" not in said)
    assert "next exercise: " in said


def test_after_its_last_exercise_an_evening_is_done_and_names_its_model(tmp_path):
    ids = exercises_with("gan/12/gradient_penalty")
    found = {id: catalog.find(id)[0] for id in ids}
    last = SimpleNamespace(exercise=found[ids[-1]], passed=True, file=tmp_path / "answers.py")
    for number, id in enumerate(ids, 1):
        with changed(tmp_path) as record:
            record.checked(found[id], found[id].points, True)
        said = next_step([last], tmp_path)
        assert ("evening have passed" in said) == (number == len(ids)), id
    assert "minigen exercise start gan/02/from_scratch\n" in said  # before the next exercise of all


def test_start_says_which_exercises_of_a_lesson_its_evening_has(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for lesson in ("gan/03", "gan/04", "gan/02"):  # one of two, of no evening, and all
        assert main(["exercise", "start", lesson]) == 0
    printed = capsys.readouterr().out
    assert printed.count("evening") == 1 and "the post's evening needs only optimal_discriminator\n" in printed
