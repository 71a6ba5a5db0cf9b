"""base.py NAME key=value ...: trains a variant of the base model and judges it."""
import sys, time, json, pathlib
import autograd.numpy as np, numpy
sys.path.insert(0, "trials")
from second_judge import Judge2, load
from minigen.checks import unchecked
from minigen.data import mnist
from minigen.diffusion.ddpm import v_loss
from minigen.diffusion.guidance import classifier_free, drop_labels
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, ddim
from minigen.diffusion.schedule import Schedule
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend
from minigen.zoo import weights
from minigen.zoo.digit_diffusion import DigitDiffusion
from minigen.zoo.digit_classifier import shifted

import minigen.diffusion.networks.unet as U
from minigen.nn import LayerNorm, Linear, he_gain
from minigen.tensor import silu
def normed(gain):
    G = U.GlobalMLP
    old = G.__init__
    def init(self, rng, positions, channels, dim_time, hidden, features=16):
        old(self, rng, positions, channels, dim_time, hidden, features)
        self.first.w *= gain
        for l in self.layers: l.w *= gain
        self.last.w *= gain
        self.norms = [LayerNorm(hidden) for _ in range(len(self.layers) + 1)]
    def call(self, x, time):
        n, height, width, _ = np.shape(x)
        flat = np.reshape(self.proj_in(self.norm(x)), (n, -1))
        h = silu(self.first(flat) + self.time(time))
        for norm, layer in zip(self.norms, self.layers):
            h = h + layer(norm(h))
        return x + self.proj_out(np.reshape(self.last(self.norms[-1](h)), (n, height, width, -1)))
    G.__init__, G.__call__ = init, call

def main(name, width=32, glob=512, drop=.15, steps=1800, batch=64, lr=2e-3, ema=.999, seed=64, minsnr=0, logit=0, shift=0, ginit=1.0, blocks=1, n=2000, ws=(0.0, .3), betas=None, weight="", ln=0):
    if ln: normed(ln)
    if name.startswith("present"):
        m = weights.load("digit_diffusion"); net, sch, secs = m.net, m.schedule, 0
    else:
        rng = numpy.random.default_rng(seed)
        net = UNet(rng, width=width, global_mlp=glob, classes=10, blocks=blocks)
        if ginit != 1:
            g = [v for k, v in net.parameters().items() if "first.w" in k]; assert len(g) == 1; g[0] *= ginit
        data = mnist.splits().train
        rng = numpy.random.default_rng(seed + 1); sch = Schedule.cosine(200)
        images, labels = data.images, data.labels
        bt = mnist.batches(images, labels, size=batch, rng=rng)
        abar = sch.alpha_bar
        abar = numpy.asarray(abar); 
        snr = abar / (1 - abar)
        W = numpy.ones(len(abar))
        if minsnr: W = numpy.minimum(snr, minsnr) / (snr + 1); 
        if logit:
            lam = numpy.log(snr[-200:]); pr = numpy.exp(-.5 * ((lam / 2) / logit) ** 2) + 1e-9
            pr = .8 * pr / pr.sum() + .2 / 200
        W = W[-200:] / W[-200:].mean()
        def draw(rng):
            x0, y = next(bt)
            x0 = mnist.symmetric(shifted(x0, shift, rng))
            y = unchecked(drop_labels)(y.astype(int), rng.random(batch), drop)
            t = rng.choice(200, batch, p=pr) + 1 if logit else rng.integers(1, 201, batch)
            return x0, t, rng.standard_normal(x0.shape, dtype=numpy.float32), y
        sq = numpy.sqrt(abar[-200:]).astype(numpy.float32); sn = numpy.sqrt(1 - abar[-200:]).astype(numpy.float32)
        Wf = W.astype(numpy.float32)
        def loss(net, x0, t, eps, y):
            a, s = sq[t - 1][:, None, None, None], sn[t - 1][:, None, None, None]
            d = net(a * x0 + s * eps, t, y) - (a * eps - s * x0)
            return np.mean(Wf[t - 1][:, None, None, None] * d ** 2)
        step = descend(loss, net, draw, rng=rng, lr=cosine(lr, steps, warmup=min(100, steps // 4)), ema=ema, parallel=True)
        t0 = time.process_time()
        for i in range(steps): step(i)
        secs = time.process_time() - t0
        net = step.averaged
        numpy.savez(f"trials/{name}.npz", **net.parameters())
        m = DigitDiffusion(net.freeze(), sch)
    judges = {"own": weights.load("digit_classifier"), "second": load()}
    test = mnist.unit(mnist.splits().test.images)
    rng = numpy.random.default_rng(0); lab = numpy.arange(n) % 10
    noise = rng.standard_normal((n, 28, 28, 1), dtype=numpy.float32)
    out = f"{name} {' '.join(sys.argv[2:])} train {secs:.0f} cpu s |"
    for w in ws:
        f = lambda z, y: ddim(clipped(classifier_free(m.__call__, y, w), sch), z, sch, 20, 0.0, rng)
        im = (batched(f, noise, lab, size=250).clip(-1, 1) + 1) / 2
        for j, c in judges.items():
            r = judge_digits(c, im, test, lab); out += f" w={w} {j}: F {r.frechet:.2f} acc {r.accuracy:.4f} rec {r.recall:.3f} prec {r.precision:.3f};"
    print(out, flush=True)
if __name__ == "__main__":
    main(sys.argv[1], **{k: eval(v) for k, v in (a.split("=", 1) for a in sys.argv[2:])})
