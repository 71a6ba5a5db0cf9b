"""Wrong files as edits of right ones: task -> name -> [(old, new), ...]. `text(task, name)` is the wrong file."""

import re
from pathlib import Path

SOLUTIONS = Path(__file__).parent.parent / "solutions"

EDITS = {
    "gan_12": {
        "penalty left out": [("CRITIC, PENALTY = 1500, 128, 2, 5, 0.1", "CRITIC, PENALTY = 1500, 128, 2, 5, 0.0")],
        "real and fake exchanged in the critic": [
            ("critic(fake).mean() - critic(real).mean()", "critic(real).mean() - critic(fake).mean()")
        ],
    },
    "flow_05": {
        "log-det left out of the loss": [("- np.log(2 * np.pi) + log_det", "- np.log(2 * np.pi)")],
        "log-det with the wrong sign": [("log_det - s[:, 0]", "log_det + s[:, 0]")],
        "couplings in the same order in forward": [("for net in self.nets[::-1]:", "for net in self.nets:")],
    },
    "flow_08": {
        "a pixel sees itself": [("(pixel[None] > unit[:, None])", "(pixel[None] >= unit[:, None])")],
        "sampled all at once": [
            (
                "    for k in range(D):\n        p = 1 / (1 + np.exp(-net(x)[:, k]))\n"
                "        x[:, k] = rng.random(n) < p\n",
                "    x[...] = rng.random((n, D)) < 1 / (1 + np.exp(-net(x)))\n",
            )
        ],
        "threshold at one half instead of a draw": [("rng.random(n) < p", "0.5 < p")],
    },
    "diffusion_04": {
        "beta_t for alpha_bar in the loss": [("    a = ALPHA_BAR[t][:, None]\n", "    a = 1 - BETA[t][:, None]\n")],
        "no noise in sampling": [("(t > 0) * np.sqrt(BETA[t])", "0.0")],
        "variance for standard deviation in sampling": [("(t > 0) * np.sqrt(BETA[t])", "(t > 0) * BETA[t]")],
        "noise at the last step too": [("(t > 0) * ", "")],
    },
    "diffusion_10": {
        "alpha_bar without the root": [("x0 = (x - np.sqrt(1 - a) * e) / np.sqrt(a)", "x0 = (x - (1 - a) * e) / a")],
        "fresh noise in place of eps": [
            ("np.sqrt(1 - b) * e\n", "np.sqrt(1 - b) * np.random.default_rng().standard_normal(x.shape)\n")
        ],
        "fresh noise from a fixed seed": [
            ("np.sqrt(1 - b) * e\n", "np.sqrt(1 - b) * np.random.default_rng(t).standard_normal(x.shape)\n")
        ],
        "x_T is not used": [
            (".astype(int), x_T", ".astype(int), 0 * x_T + np.random.default_rng(0).standard_normal(x_T.shape)")
        ],
        "stops one step early": [("times[1:]):", "times[1:-1]):")],
        "1,000 steps": [("CALLS = 10", "CALLS = 1000")],
        "one step": [("CALLS = 10", "CALLS = 1")],
        "no step": [("    for t, s in", "    for t, s in [] and")],
        "the posterior's mean without its noise": [
            (
                "x = np.sqrt(b) * x0 + np.sqrt(1 - b) * e\n",
                "x = (np.sqrt(b) * (1 - a / b) * x0 + np.sqrt(a / b) * (1 - b) * x) / (1 - a)\n",
            )
        ],
    },
    "after_02": {
        "velocity with the wrong sign": [("- (x - noise)) ** 2", "- (noise - x)) ** 2")],
        "time turned in sampling": [('i / EULER, "f")', '1 - i / EULER, "f")')],
        "target is x, not x - noise": [("- (x - noise)) ** 2", "- x) ** 2")],
    },
}


def text(task, name):
    source = (SOLUTIONS / f"{task}.py").read_text()
    if name in ("untrained", "half of the steps", "a tenth of the steps"):
        factor = {"untrained": 0, "half of the steps": 0.5, "a tenth of the steps": 0.1}[name]
        return re.sub(r"^(STEPS.*= )(\d+)", lambda m: m[1] + str(max(1, int(int(m[2]) * factor))), source, flags=re.M)
    for old, new in EDITS[task][name]:
        if source.count(old) != 1:
            raise ValueError(f"{task}, {name}: found {source.count(old)} times: {old!r}")
        source = source.replace(old, new)
    return source
