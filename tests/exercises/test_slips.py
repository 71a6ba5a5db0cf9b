"""Slips that are recognized in any exercise, without being listed in its answers: from one answer each."""

import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_source
from minigen.course.exercise.grading.submission import Submission

HEAD = "import autograd.numpy as np\nfrom minigen.tensor import grad\n"
SLIPS = {
    "start/01/adam_update": (
        "`square` is not changed in place.",
        """
def adam_update(self, p, g, mean, square):
    b1, b2 = self.betas
    p *= 1 - self.lr * self.weight_decay
    mean *= b1
    mean += (1 - b1) * g
    square = b2 * square + (1 - b2) * g**2
    p -= self.lr * mean / (1 - b1**self.steps) / (np.sqrt(square / (1 - b2**self.steps)) + self.eps)
""",
    ),
    "diffusion/12/multistep": (
        "nothing is drawn from `rng`, the generator that is given.",
        """
def multistep(f, x, sigmas, rng, sigma_min=0.002):
    rng = np.random.default_rng(0)
    x0 = f(x, np.full(len(x), sigmas[0], x.dtype))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        noisy = x0 + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z
        x0 = f(noisy, np.full(len(x), sigma, x.dtype))
    return x0
""",
    ),
    "diffusion/19/patchify": (
        "yours has the expected numbers in other places: some have moved from one example to another",
        """
def patchify(x, size):
    n, h, w, c = x.shape
    a = np.transpose(x, (1, 2, 0, 3))
    a = np.reshape(a, (h//size, size, w//size, size, n, c))
    a = np.transpose(a, (0, 2, 1, 3, 4, 5))
    return np.reshape(a, (n, h//size*w//size, size*size*c))
""",
    ),
    "flow/02/jacobian_matrix": (
        "each row of yours is the last one expected",
        """
def jacobian_matrix(f, x):
    gs = []
    for i in range(len(f(x))):
        gs.append(lambda v: f(v)[i])
    return np.stack([grad(g)(x) for g in gs])
""",
    ),
    "diffusion/10/ddim_step": (
        "the equation with every square root left out.",
        """
def rows(a, x):
    a = np.asarray(a)
    return np.reshape(a, a.shape + (1,) * (np.ndim(x) - 1)) if a.ndim else a
def ddim_step(x, t, s, eps, z, schedule, eta=0.0):
    now, before = rows(schedule.alpha_bar[t], x), rows(schedule.alpha_bar[s], x)
    variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    x0 = (x - (1 - now) * eps) / now
    out = before * x0 + (1 - before - variance) * eps
    return out if eta == 0 else out + variance * z
""",
    ),
    "flow/10/causal_conv1d": (
        "The dilation is added to the distance of a step of the kernel.",
        """
def causal_conv1d(x, w, b, dilation=1):
    k, T = len(w), x.shape[1]
    out = 0.0 if b is None else b
    for a in range(k):
        back = (k - 1 - a) + dilation
        xp = np.concatenate([np.zeros((x.shape[0], back, x.shape[2])), x], axis=1)[:, :T]
        out = out + np.matmul(xp, w[a])
    return out
""",
    ),
    "gan/06/signal_and_noise": (
        "the squares of `gradients`, of numbers as small as 7e-26, do not fit into float32.",
        """
def signal_and_noise(gradients):
    m = np.mean(gradients, axis=0)
    return float(np.sqrt(np.sum(m**2))), float(np.sqrt(np.sum((gradients - m)**2) / (len(gradients) - 1)))
""",
    ),
    "diffusion/03/posterior_mean": (
        "`schedule` rounded to float32 before anything is computed from it.",
        """
def posterior_mean(x0, x_t, t, schedule):
    shape = (-1,) + (1,) * (np.ndim(x0) - 1)
    f = lambda a: np.reshape(a[t], shape).astype(x0.dtype)
    ab, beta, alpha = f(schedule.alpha_bar), f(schedule.beta), f(schedule.alpha)
    before = np.reshape(schedule.alpha_bar[np.asarray(t) - 1], shape).astype(x0.dtype)
    return np.sqrt(before) * beta / (1 - ab) * x0 + np.sqrt(alpha) * (1 - before) / (1 - ab) * x_t
""",
    ),
}


@pytest.mark.parametrize("id", SLIPS)
def test_a_slip_is_named(id):
    words, answer = SLIPS[id]
    report = grade_source(catalog.find(id)[0], Submission("answers.py", HEAD + answer))
    first = report.first_failure
    assert first is not None and words in f"{first.relation} {report.hint}", (first, report.hint)


@pytest.mark.slow
@pytest.mark.parametrize("id", ["start/01/adam_update", "diffusion/12/multistep"])
def test_what_a_worker_notes_of_arguments_arrives(id):
    words, answer = SLIPS[id]
    assert grade_file(catalog.find(id)[0], Submission("answers.py", HEAD + answer)).hint == words


def test_no_argument_is_blamed_where_the_reference_leaves_it_too():
    """The case of one level draws nothing, and is wrong for another reason."""
    answer = SLIPS["diffusion/12/multistep"][1].replace("    rng = np.random.default_rng(0)\n", "")
    wrong = answer.replace("return x0", "return 2 * x0")
    report = grade_source(catalog.find("diffusion/12/multistep")[0], Submission("answers.py", HEAD + wrong))
    assert not report.passed and "drawn" not in report.hint
