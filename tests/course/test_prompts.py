"""Prompts in Markdown: formulas become mathematics, names of Python code, and all other words stay words."""

import re

import pytest
from markdown_it import MarkdownIt

from minigen.course.exercise import catalog, prompts, stubs
from minigen.course.exercise.prompts import markdown
from minigen.course.index.lessons import all_lessons
from minigen.course.reading.markdown import math

EXERCISES = [exercise for lesson in all_lessons() for exercise in catalog.exercises_of(lesson.id)]


@pytest.mark.parametrize(
    ("text", "arguments", "wanted"),
    [
        ("x (N, D) are points.", "x", "`x` $(N, D)$ are points."),
        ("shape (..., K), or ()", "", r"shape $(\dots, K)$, or $()$"),
        ("log p(x|z) of z ~ N(0, I)", "", r"$\log p(x \mid z)$ of $z \sim N(0, I)$"),
        (
            "KL(p || q), and KL(q || posterior)",
            "p q",
            r"$\mathrm{KL}(p \,\|\, q)$, and $\mathrm{KL}(q \,\|\, \mathrm{posterior})$",
        ),
        ("log |det dx/dz|, a tuple", "", r"$\log \lvert \det \mathrm{d}x/\mathrm{d}z \rvert$, a tuple"),
        ("x_(t-1) from x_t", "x_t", "$x_{t-1}$ from `x_t`"),
        ("sqrt(1 - alpha_bar_t) eps", "eps", r"$\sqrt{1 - \bar{\alpha}_t}\, \varepsilon$"),
        ("c_skip = s_d^2/(s^2 + s_d^2)", "", r"$c_{\mathrm{skip}} = s_d^{2}/(s^{2} + s_d^{2})$"),
        ("beta~_2 and D*(x), eps' too", "", r"$\tilde{\beta}_{2}$ and $D^*(x)$, $\varepsilon'$ too"),
        ("the code x_hat of size dim/2", "dim", r"the code $\hat{x}$ of size $\mathrm{dim}/2$"),
        ("-t log sigmoid(l) - (1 - t) log 2", "", r"$-t\, \log \mathrm{sigmoid}(l) - (1 - t)\, \log 2$"),
        ("uᵀw > -1", "u w", r"$u^\top w > -1$"),
        ("as small as 1e-30 or 2e6, not 0.5", "", r"as small as $10^{-30}$ or $2 \cdot 10^{6}$, not 0.5"),
        ("times 1 ... T", "", r"times $1\, \dots\, T$"),
        ("x has the size (1) or 3", "x", "`x` has the size (1) or 3"),
    ],
)
def test_formulas(text, arguments, wanted):
    assert markdown(text, arguments.split()) == wanted


@pytest.mark.parametrize(
    ("text", "arguments", "wanted"),
    [
        ("sigma is the level, log_scale its log", "sigma log_scale", "`sigma` is the level, `log_scale` its log"),
        ("np.inf; schedule.beta[t]; w[k - 1]", "schedule w", "`np.inf`; `schedule.beta[t]`; `w[k - 1]`"),
        ("M[0, j[0]] and grad(fn)(x)", "M", "`M[0, j[0]]` and `grad(fn)(x)`"),
        ("call model(x_t, t) of kl_bernoulli", "model", "call `model(x_t, t)` of `kl_bernoulli`"),
        ("with unbiased=True, float32, None", "unbiased", "with `unbiased=True`, `float32`, `None`"),
        ('kind is "beta" or "A"', "kind", 'kind is `"beta"` or `"A"`'),
        ("explained in gan/09", "", "explained in `gan/09`"),
        ("`x_0 * y` stays, and $x_0$", "", "`x_0 * y` stays, and $x_0$"),
    ],
)
def test_code(text, arguments, wanted):
    assert markdown(text, arguments.split()) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "A sample is a good one, and I see a pair.",
        "the small images, before now and after the filter",
        "Jensen-Shannon, a log-determinant, a U-Net, the x-axis",
        "autograd's NumPy, x's and y's own",
        "the *logarithm* of the variance, the bound *per dimension*",
    ],
)
def test_words_stay_words(text):
    arguments = ["small", "before", "now", "filter", "a"]
    assert re.sub(r"[$`]", "", markdown(text, arguments)) == text
    assert "$" not in re.sub(r"\$x\$|\$y\$", "", markdown(text, arguments))


def test_signs_of_markdown_are_text():
    assert markdown("a word * [word] <word>") == r"a word \* \[word\] \<word>"


def test_every_prompt_can_be_shown():
    """Its formulas are whole, each word is left, and nothing in it becomes a list, a link or emphasis by accident."""
    assert len(EXERCISES) > 150
    reader = MarkdownIt("commonmark")
    for exercise in EXERCISES:
        for paragraph in prompts.paragraphs(exercise):
            formulas = re.findall(r"\$([^$]*)\$", paragraph)
            assert paragraph.count("$") == 2 * len(formulas), paragraph
            for formula in formulas:
                plain = re.sub(r"\\[{}|]", "", formula)
                assert plain.count("{") == plain.count("}") and formula.strip() == formula, (exercise.id, formula)
                assert not re.search(r"(?<!\\)_(?![\w{])|\*(?<!\^\*)|\^(?![{*\\\d])", formula), (exercise.id, formula)
            (start, inline, _) = reader.parse(math(paragraph))
            assert start.type == "paragraph_open", paragraph
            assert {child.type for child in inline.children} <= {
                "text",
                "code_inline",
                "em_open",
                "em_close",
                "softbreak",
            }
            words = re.findall(r"[A-Za-z]{4,}", re.sub(r"[`$].*?[`$]", " ", paragraph))
            assert set(words) <= set(re.findall(r"[A-Za-z]{4,}", exercise.prompt)), exercise.id


def test_a_bare_stub_is_the_signature_and_one_line():
    exercise = catalog.find("gan/12/critic_loss")[0]
    assert stubs.bare_stub(exercise) == (
        'def critic_loss(real_scores, fake_scores):\n    raise NotImplementedError("your turn")\n'
    )
    for exercise in EXERCISES:
        text = stubs.bare_stub(exercise)
        assert text.count("\n") == 2 and stubs.is_stub(text, exercise.name)
        assert '"""' in stubs.stub(exercise), "the file that a student starts has nothing else"
