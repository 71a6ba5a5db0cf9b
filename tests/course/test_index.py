"""The index: the posts' sections, figures and equations, lessons on the disk, and who computes what."""

import ast
import re
from importlib import import_module

import pytest

from minigen.cli import PACKAGES
from minigen.course.console import UsageError
from minigen.course.index import equations, posts
from minigen.course.index.equations import EQUATION, equation_index
from minigen.course.index.lessons import all_lessons, unreadable_lessons
from minigen.course.index.names import find_lesson, find_lessons, resolve
from minigen.course.index.outline import outline, preparation
from minigen.course.index.package import PACKAGE, dumped


def test_the_posts():
    assert [len(table()) for table in (posts.sections, posts.figures, posts.equations)] == [62, 52, 97]
    for table in (posts.sections, posts.figures, posts.equations):
        ids = [row["id"] for row in table()]
        assert len(set(ids)) == len(ids)
        assert all(row["post"] in posts.POSTS and row["id"].split(".")[0] == row["post"] for row in table())
    titles = {(row["post"], row["title"]) for row in posts.sections()}
    for row in (*posts.equations(), *posts.figures()):  # the path of titles ends in a known section
        assert (row["post"], row["section"].split(" › ")[-1]) in titles or row["section"] == "(introduction)"


def test_metadata_is_read_without_running(write_lesson):
    write_lesson("vae/08_x", 'raise SystemExit("ran")', title="A title", sections=["vae.s08"], equations=["vae.14"])
    write_lesson("gan/02_y")
    first, second = all_lessons()
    assert (first.id, second.id) == ("gan/02_y", "vae/08_x")
    assert (second.title, second.post, second.minutes, second.number, second.name) == ("A title", "vae", 0.5, "08", "x")
    assert (second.sections, second.equations, second.figures) == (("vae.s08",), ("vae.14",), ())
    assert unreadable_lessons() == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "has no Lesson"),
        ("Lesson(", "cannot be read"),
        ('Lesson("gan/03_other", title="t")', r"Lesson\('gan/03_other'\) should be Lesson\('gan/02_y'\)"),
        ('name = "t"\nLesson("gan/02_y", title=name)', "must be literals"),
        ('Lesson("gan/02_y", title="t", minutes="5")', "minutes of Lesson"),
        ("Lesson()", "must be literals"),
    ],
)
def test_a_lesson_that_cannot_be_listed_is_said_so(write_lesson, text, says):
    write_lesson("gan/02_y").write_text(text, encoding="utf-8")
    assert all_lessons() == []
    (problem,) = unreadable_lessons()
    assert re.search(says, problem)
    with pytest.raises(UsageError, match=says):
        find_lesson("gan/02_y")


def test_a_lesson_that_cannot_be_listed_is_not_left_out(write_lesson):
    """Its family, or all lessons, would silently lack it; those that are named apart from it are found."""
    write_lesson("gan/02_y")
    path = write_lesson("vae/08_x")
    path.write_text(path.read_text(encoding="utf-8").replace("vae/08_x", "gan/14_x"), encoding="utf-8")
    for names in [], ["vae"], ["gan", "vae/08"]:
        with pytest.raises(UsageError, match=r"Lesson\('gan/14_x'\) should be Lesson\('vae/08_x'\)"):
            find_lessons(names)
    assert [lesson.id for lesson in find_lessons(["gan"])] == ["gan/02_y"]


def test_finding_a_lesson(write_lesson):
    for id, title in [
        ("gan/02_gan", "Generative adversarial networks"),
        ("gan/12_wgan", "Wasserstein GAN"),
        ("vae/02_autoencoder", "Autoencoders"),
        ("flow/12_iaf", "Inverse autoregressive flows"),
    ]:
        write_lesson(id, title=title)
    for text, id in [
        ("gan/12", "gan/12_wgan"),
        ("wgan", "gan/12_wgan"),
        ("gan/wgan", "gan/12_wgan"),
        ("gan/2", "gan/02_gan"),
        ("12_iaf", "flow/12_iaf"),
        ("vae-02-autoencoder", "vae/02_autoencoder"),
        (" vae/02/ ", "vae/02_autoencoder"),
        ("/somewhere/lessons/flow/12_iaf/lesson.py", "flow/12_iaf"),
    ]:
        assert find_lesson(text).id == id
    for text, says in [
        ("12", "may be gan/12_wgan or flow/12_iaf"),
        ("gan/13", "did you mean"),
        ("gan/wagn", "gan/12_wgan"),
        ("inverse autoregressive flow", "did you mean flow/12_iaf"),
        ("", "see minigen list"),
    ]:
        with pytest.raises(UsageError, match=says):
            find_lesson(text)


def test_a_family_is_not_a_lesson(write_lesson):
    write_lesson("gan/02_gan")
    write_lesson("gan/12_wgan")
    with pytest.raises(UsageError, match=r"'gan' is a family of lessons: say which \(gan/02_gan, gan/12_wgan\)"):
        find_lesson("gan")
    assert find_lesson("gan/gan").id == "gan/02_gan"


def test_lessons_and_exercises_have_one_resolver(write_lesson):
    for id, names in [("gan/02_gan", ["critic", "loss"]), ("vae/08_x", ["elbo", "loss"])]:
        text = "\n".join(f"EX = Exercise(\n    '{id[:6]}/{name}', target='a:{name}')" for name in names)
        write_lesson(id).with_name("exercise.py").write_text(text, encoding="utf-8")
    write_lesson("gan/03_without")
    assert [lesson.exercises for lesson in all_lessons()] == [("critic", "loss"), (), ("elbo", "loss")]
    for text, lesson, exercise in [
        ("gan/02", "gan/02", None),
        ("GAN-02-gan", "gan/02", None),
        ("gan/gan/loss", "gan/02", "loss"),
        ("vae/08_x/Loss", "vae/08", "loss"),
        ("elbo", "vae/08", "elbo"),
    ]:
        address = resolve(text)
        assert (address.lesson, address.exercise) == (lesson, exercise)
    for text, says in [
        ("loss", "may be gan/02/loss or vae/08/loss: say which"),
        ("gan/02/los", "there is no exercise 'gan/02/los'; did you mean gan/02/loss"),
        ("gan/03", "there is no exercise 'gan/03'; did you mean"),
        ("vae/08/critic", "there is no exercise 'vae/08/critic'; did you mean gan/02/critic"),
        ("zzz", "see minigen exercise list"),
    ]:
        with pytest.raises(UsageError, match=says):
            resolve(text)


@pytest.mark.slow
def test_every_lesson_that_the_package_names_exists():
    """Help, closing words, errors and docstrings name lessons by id: each can be run, and each exercise started."""
    named = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for id in re.findall(r"\b(?:start|gan|vae|flow|diffusion|after)/\d\d(?:/[a-z_]+)?\b", node.value):
                    named.add((path.name, id))
    assert {"start/01", "gan/02", "diffusion/04"} <= {id for _, id in named}
    for name, id in sorted(named):
        try:
            if id.endswith("/from_scratch"):
                assert (find_lesson(id[: id.rindex("/")]).path.parent / "from_scratch.py").exists(), f"{name}: {id}"
            else:
                resolve(id) if id.count("/") == 2 else find_lesson(id)
        except UsageError as error:
            pytest.fail(f"{name}: {error}")


def test_equations_find_functions_tests_and_lessons(write_lesson, tmp_path, monkeypatch):
    package = tmp_path / "project" / "minigen"
    (package / "gan").mkdir(parents=True)
    (package / "gan" / "losses.py").write_text(
        '"""Eq. gan.01 in a module says nothing."""\n'
        'def kl(p, q):\n    """The divergence.\n\n    Eq. gan.01, Eq. gan.02.\n    """\n'
        'class Critic:\n    """No equation."""\n    def loss(self):\n        """Eq. gan.19, of Eq. gan.99."""\n'
        'def other():\n    """Equation gan.03 and Eq. gan.3 and Eq. gan.033 are not the form."""\n',
        encoding="utf-8",
    )
    tests = tmp_path / "project" / "tests"
    tests.mkdir()
    (tests / "test_losses.py").write_text(
        'def test_kl():\n    """Eq. gan.01"""\n\nclass TestCritic:\n    def test_loss(self):\n        x = 1  # Eq.'
        ' gan.19\n\ndef helper():\n    """Eq. gan.02"""\n',
        encoding="utf-8",
    )
    (tmp_path / "project" / "pyproject.toml").touch()
    write_lesson("gan/01_kl", equations=["gan.01", "gan.02"])
    monkeypatch.setattr(equations, "PACKAGE", package)
    uses = {use.id: use for use in equation_index()}
    assert uses["gan.01"].functions == ["minigen.gan.losses:kl"] and uses["gan.02"].functions == [
        "minigen.gan.losses:kl"
    ]
    assert uses["gan.19"].functions == ["minigen.gan.losses:Critic.loss"] and uses["gan.03"].functions == []
    assert uses["gan.01"].tests == ["tests/test_losses.py::test_kl"] and uses["gan.02"].tests == []
    assert uses["gan.19"].tests == ["tests/test_losses.py::TestCritic::test_loss"]
    assert uses["gan.01"].lessons == uses["gan.02"].lessons == ["gan/01_kl"]


def test_every_equation_named_in_the_package_exists():
    known = {row["id"] for row in (*posts.equations(), *posts.further_equations())}
    for path in PACKAGE.rglob("*.py"):
        named = set(EQUATION.findall(path.read_text(encoding="utf-8")))
        assert named <= known, f"{path} names {sorted(named - known)}"


@pytest.mark.slow
@pytest.mark.parametrize("post", posts.POSTS)
def test_these_posts_are_complete(post):
    """Every section and figure has its lesson; every equation is in one, and a test names it."""
    lessons = [lesson for lesson in all_lessons() if lesson.post == post]

    def of_post(table):
        return {row["id"] for row in table if row["post"] == post}

    assert {id for lesson in lessons for id in lesson.figures} == of_post(posts.figures())
    without = [section["title"] for name, rows in outline() if name == post for section, found, _ in rows if not found]
    assert not without, f"no lesson on: {', '.join(without)}"
    for use in equation_index():
        if use.id.startswith(f"{post}."):
            assert use.lessons and use.tests, use


@pytest.mark.slow
def test_every_function_of_an_equation_is_tested(root):
    """A test file names each function whose docstring cites an equation, and its class, if it is a method."""
    paths = sorted((root / "tests").rglob("test_*.py"))
    words = [set(re.findall(r"\w+", path.read_text(encoding="utf-8"))) for path in paths]
    cited = {function for use in equation_index() for function in use.functions}
    assert len(cited) > 150
    for function in sorted(cited):
        name = function.partition(":")[2]
        assert any(set(name.split(".")) <= found for found in words), f"no test names {function}"


def test_the_four_posts_in_numbers():
    tables = posts.sections(), posts.equations(), posts.figures()
    assert [len(table) for table in tables] == [62, 97, 52]


def test_headings_take_the_lessons_of_their_parts(write_lesson):
    write_lesson("gan/07_mode_collapse", sections=["gan.s10"])
    rows = {section["id"]: (found, parts) for _, rows in outline() for section, found, parts in rows}
    assert len(rows) == 62
    assert rows["gan.s10"][1] is False and rows["gan.s10"][0][0].id == "gan/07_mode_collapse"
    assert rows["gan.s06"][1] is True and rows["gan.s06"][0][0].id == "gan/07_mode_collapse"
    assert rows["gan.s13"] == ([], False)


def test_lessons_before_the_posts_come_first_and_count_no_section(write_lesson):
    write_lesson("gan/02_gan", sections=["gan.s02"])
    write_lesson("start/01_background", title="Background")
    assert [lesson.id for lesson in all_lessons()] == ["start/01_background", "gan/02_gan"]
    assert [(heading, [lesson.id for lesson in group]) for heading, group in preparation()] == [
        ("Before the posts", ["start/01_background"])
    ]
    assert [post for post, _ in outline()] == list(posts.POSTS)
    assert sum(bool(found) for _, rows in outline() for _, found, _ in rows) == 1
    assert find_lesson("start/01").id == "start/01_background"


def blocks(readme, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.S | re.M)


def test_the_readmes_commands(root):
    commands = "".join(blocks((root / "README.md").read_text(encoding="utf-8"), "bash")).splitlines()
    assert 'python -m pip install -e ".[test]" && minigen tour' in commands
    assert "python -m pytest -q -n 2 --dist worksteal" in commands
    homes = {name: package.__name__ for package in PACKAGES for name in package.COMMANDS}
    for command in commands:  # what the README shows, the command line understands
        words = command.split("#")[0].split()
        if words[0] == "minigen" and words[1] in homes.keys() - {"exercise"}:
            import_module(f"{homes[words[1]]}.{words[1]}").parser().parse_args(words[2:])


def test_a_tree_is_written_alike_in_every_version_of_python():
    """As 3.11 does: later ones have a further field, and leave out what is empty."""
    arguments = "arguments(posonlyargs=[], args=[arg(arg='x')], kwonlyargs=[], kw_defaults=[], defaults=[])"
    body = "[Return(value=Call(func=Name(id='g', ctx=Load()), args=[], keywords=[]))]"
    function = f"FunctionDef(name='f', args={arguments}, body={body}, decorator_list=[])"
    whole = f"ClassDef(name='A', bases=[], keywords=[], body=[{function}], decorator_list=[])"
    source = "class A:\n    def f(x):\n        return g()\n"
    assert dumped(ast.parse(source)) == f"Module(body=[{whole}], type_ignores=[])"
