"""The book's page of names: what counts as public, how it is written, and that nothing is left out."""

import importlib
import inspect

from minigen.course.book.pages.names import PARTS, names_by_module, names_page


def test_what_counts_as_public(tmp_path):
    folder = tmp_path / "minigen" / "gan" / "networks"
    folder.mkdir(parents=True)
    for part in PARTS:
        (tmp_path / "minigen" / part).mkdir(exist_ok=True)
    (folder / "conv.py").write_text(
        'def f(a, b=2, *rest, c, d="x", **more):\n    """One\n    line.\n\n    More."""\n    def inner(): pass\n'
        "class C:\n    def __init__(self, rng, *, width=3): pass\n    def method(self): pass\ndef _g(): pass",
        encoding="utf-8",
    )
    (folder.parent / "losses.py").write_text(
        '__all__ = ["a", "c"]\nfrom x import c\ndef a(): pass\ndef b(): pass', encoding="utf-8"
    )
    (folder / "_check.py").write_text("def a(): pass", encoding="utf-8")
    (folder.parent / "constants.py").write_text("PI = 3", encoding="utf-8")
    found = names_by_module(tmp_path / "minigen")
    written = {module: [(each.name, each.arguments, each.about) for each in names] for module, names in found.items()}
    assert written == {
        "minigen.gan.losses": [("a", "", "")],
        "minigen.gan.networks.conv": [
            ("f", "a, b=2, *rest, c, d='x', **more", "One line."),
            ("C", "rng, *, width=3", ""),
        ],
    }


def test_every_name_exists_has_a_docstring_and_its_arguments():
    found = names_by_module()
    assert sum(map(len, found.values())) > 500
    for module, names in found.items():
        loaded = importlib.import_module(module)
        for each in names:
            thing = getattr(loaded, each.name)
            assert thing.__module__ == module and each.about
            if inspect.isfunction(thing):
                wanted = [*inspect.signature(thing).parameters]
                words = [word.partition("=")[0].strip("*") for word in each.arguments.split(", ")]
                assert [word for word in words if word.isidentifier() and word in wanted] == wanted, each


def test_the_page_leads_to_the_sources():
    def anchor(name):
        return "source/gan/wgan.html#code-critic_loss" if name == "minigen.gan.wgan:critic_loss" else None

    page = names_page(anchor)
    assert page.startswith("# Names\n") and "## gan\n" in page and "### minigen.gan.wgan\n" in page
    assert '<a href="source/gan/wgan.html#code-critic_loss"><code>critic_loss</code></a>' in page
    assert "<code>clip_weights</code>" in page and page.count("<a href=") == 1
