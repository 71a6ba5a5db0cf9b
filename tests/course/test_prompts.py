"""Prompts are Markdown; `plain` makes the text of students' files of them, and knows all of their LaTeX."""

import re

import pytest
from markdown_it import MarkdownIt

from minigen.course.exercise import catalog, prompts, stubs
from minigen.course.exercise.prompts import plain
from minigen.course.from_scratch.task import all_tasks
from minigen.course.index.lessons import all_lessons
from minigen.course.reading.markdown import math

EXERCISES = [exercise for lesson in all_lessons() for exercise in catalog.exercises_of(lesson.id)]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"`x` $(N, D)$, or $(\dots, K)$ and $()$", "x (N, D), or (..., K) and ()"),
        (r"$x_{t-1}$ from $x_0$, $\sigma_\mathrm{data}^2$, $x_{0,i}$", "x_(t-1) from x_0, sigma_data^2, x_(0,i)"),
        (
            r"$\sqrt{1 - \bar\alpha_t} \varepsilon$ and $\sqrt{\bar\alpha_{t-1}}$",
            "sqrt(1 - alpha_bar_t) eps and sqrt(alpha_bar_(t-1))",
        ),
        (r"$\mathrm{KL}(q(z \mid x) \| p)$ of $z \sim N(0, I)$", "KL(q(z | x) || p) of z ~ N(0, I)"),
        (r"$\log |\det \mathrm{d}x/\mathrm{d}z|$", "log |det dx/dz|"),
        (r"$\frac{a + b}{\sqrt{c}}$, $\frac{1}{n - 1}$", "(a + b) / sqrt(c), 1 / (n - 1)"),
        (r"$\tilde\beta_2$, $\hat x$, $\hat{\rho}_j$, $\bar x$", "beta~_2, x_hat, rho_hat_j, x_bar"),
        (r"$\alpha\beta \le 2 \pi$, $1 + k \bmod (D - 1)$", "alpha beta <= 2 pi, 1 + k mod (D - 1)"),
        (r"$D^*(x)$, $\varepsilon'$, $w^\top z$, $A^{1/2}$, $10^{-30}$", "D*(x), eps', w^T z, A^(1/2), 10^-30"),
        (r"$\mathrm{noise} \cdot \sqrt{2 r}\, z \le 1$", "noise * sqrt(2 r) z <= 1"),
        (r"$\exp(\mathrm{log\_scale})\, z$ with `log_scale`", "exp(log_scale) z with log_scale"),
        (r"the *logarithm*, `x * y` and `'\n'`", r"the *logarithm*, x * y and '\n'"),
    ],
)
def test_plain(markdown, text):
    assert plain(markdown) == text


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        (r"the sum $\sum_i x_i$", r"no \\sum, which is in \$\\sum_i x_i\$"),
        (r"$x_{i$", "braces"),
        (r"$\{x\}$", r"no \\\{"),
        (r"a price of 1 $", "out of place"),
        (r"a word \* and `one", "out of place"),
    ],
)
def test_what_plain_does_not_know_is_an_error(markdown, message):
    with pytest.raises(ValueError, match=message):
        plain(markdown)


def test_paragraphs_are_lines():
    (exercise,) = catalog.find("gan/04/simultaneous_step")
    first, second = prompts.paragraphs(exercise)
    assert first.startswith(r"Two players share the number $f = x \cdot y$.") and first.endswith("is the step size.")
    assert second.startswith("Both players take one step") and "  " not in second


@pytest.mark.parametrize("prompt", [*EXERCISES, *all_tasks()], ids=lambda prompt: prompt.id)
def test_every_prompt(prompt):
    """Its formulas are whole, nothing in it becomes a list, a link or emphasis by accident, and `plain` knows it."""
    reader = MarkdownIt("commonmark")
    for paragraph in prompts.paragraphs(prompt):
        for formula in re.findall(r"\$([^$]*)\$", paragraph):
            assert formula.strip() == formula, formula
        text = plain(paragraph)
        assert not re.search(r"[\\${}`]", text), text
        (start, inline, _) = reader.parse(math(paragraph))
        assert start.type == "paragraph_open", paragraph
        assert {child.type for child in inline.children} <= {"text", "code_inline", "em_open", "em_close"}


def test_every_stub():
    """Its lines are short, and their text is the prompt's; the stub below a prompt is the signature and one line."""
    assert len(EXERCISES) > 150
    for exercise in EXERCISES:
        text, bare = stubs.stub(exercise), stubs.bare_stub(exercise)
        assert all(len(line) <= stubs.WIDTH for line in text.splitlines()), exercise.id
        words = " ".join(map(plain, prompts.paragraphs(exercise))).split()
        assert text.split('"""')[1].split() == words
        assert bare.count("\n") == 2 and stubs.is_stub(bare, exercise.name)
    assert stubs.bare_stub(catalog.find("gan/12/critic_loss")[0]) == (
        'def critic_loss(real_scores, fake_scores):\n    raise NotImplementedError("your turn")\n'
    )
