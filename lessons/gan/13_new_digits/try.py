"""search.py NAME key=value ...: one try, appended to results.txt"""
import sys, time, json, os
import autograd.numpy as np
import numpy as onp
from minigen.gan.networks import ConvDiscriminator, ConvGenerator
from minigen.gan import wgan, losses
from minigen.tensor import value_and_grad, batched
from minigen.optim import Adam, EMA, cosine
from minigen.data import mnist
from minigen.metrics.digits import judge_digits, DigitClassifier
o = dict(seed=1, steps=2600, w=16, dw=0, gh=256, dh=128, dim=32, batch=64, glr=2e-3, dlr=8e-3, pen=1.0, lazy=1, nc=1,
         loss="w", b2=0.9, b1=0.0, hold=0.0, gain=1.0, aug=0, cat=0, dims=0, emas="0.99,0.995,0.998,0.999", bn=0, pk="", warm=0, save=0)
name = sys.argv[1]
for a in sys.argv[2:]:
    k, v = a.split("="); o[k] = type(o[k])(v)
P = lambda **k: None
class C: pass
c = C(); c.__dict__.update(o)
rng = onp.random.default_rng([o["seed"], 77])
digits = mnist.splits().train.images
G = ConvGenerator(rng, c.dim, c.w, 1, 28, hidden=c.gh or None)
D = ConvDiscriminator(rng, c.dw or c.w, 1, bool(c.bn), 28, hidden=c.dh or None)
if c.gain != 1:
    for l in (D.down1, D.down2, D.whole): l.w *= c.gain
go = Adam(G, c.glr, betas=(c.b1, c.b2)); do = Adam(D, c.dlr, betas=(c.b1, c.b2))
avg = {float(e): EMA(G, float(e)) for e in c.emas.split(",")}
batches = mnist.batches(digits, size=c.batch, rng=rng)
def fall(i):
    h = c.hold * c.steps
    w = min(1, (i+1)/c.warm) if c.warm else 1
    return w if i < h else w * 0.5*(1+onp.cos(onp.pi*(i-h)/(c.steps-h)))
def plain(D, x, f):
    if c.cat:
        s = D(np.concatenate([x, f])); a, b = s[:len(x)], s[len(x):]
    else: a, b = D(x), D(f)
    if c.loss == "w": return wgan.critic_loss(a, b)
    if c.loss == "ns": return losses.discriminator_loss(a, b)
    if c.loss == "hinge": return np.mean(np.maximum(0, 1-a)) + np.mean(np.maximum(0, 1+b))
    if c.loss == "rel": return np.mean(np.logaddexp(0, b - a))
def pen(D, x, f, e):
    if c.pk == "gp": return wgan.gradient_penalty_at(D, x, f, e)
    if c.loss == "w": return wgan.gradient_penalty_at(D, x, f, e)
    g = wgan.gradient_norm(D, x)
    return np.mean(g**2)/2
def gloss(s, r=None):
    if c.loss == "ns": return losses.generator_loss_nonsaturating(s)
    if c.loss == "rel": return np.mean(np.logaddexp(0, r - s))
    return -np.mean(s)
cpu = time.process_time(); wall = time.time()
k = 0
for i in range(c.steps):
    go.lr = c.glr*fall(i); do.lr = c.dlr*fall(i)
    for _ in range(c.nc):
        x = mnist.unit(next(batches)[0]); f = G.sample(rng, c.batch); e = rng.random(c.batch)
        if c.lazy and k % c.lazy == 0:
            fn = lambda D: plain(D, x, f) + c.lazy*c.pen*pen(D, x, f, e)
        else:
            fn = lambda D: plain(D, x, f)
        v, g = value_and_grad(fn)(D); do.step(g); k += 1
    z = G.latent(rng, c.batch)
    if c.loss == "rel":
        r = D(x)
        v2, g = value_and_grad(lambda G: gloss(D(G(z)), r))(G)
    else:
        v2, g = value_and_grad(lambda G: gloss(D(G(z))))(G)
    go.step(g)
    for a in avg.values(): a.update(G)
cpu = (time.process_time()-cpu)/2; wall = time.time()-wall
from minigen.course import Lesson
import numpy
def settled(m, n=50):
    m = m.copy().train(); r = onp.random.default_rng(5)
    for _ in range(n): m.sample(r, 100)
    return m.eval()
from minigen.zoo import weights
from g13judge import classifier
test = mnist.unit(mnist.splits().test.images)
out = []
for e, a in avg.items():
    m = settled(a.model)
    r = onp.random.default_rng(9)
    ims = onp.concatenate([m.sample(r, 1000) for _ in range(5)])
    j = judge_digits(classifier, ims, test)
    out.append(f"{e}: F {j.frechet:.2f} P {j.precision:.2f} R {j.recall:.2f} IS {j.inception:.2f}")
line = f"{name:28s} {' '.join(sys.argv[2:])} | cpu/2 {cpu:.0f} wall {wall:.0f} | " + " | ".join(out)
print(line)
open("results.txt", "a").write(line+"\n")
if c.save:
    import pickle
    pickle.dump([avg[e].model.state() for e in avg], open(f"{name}.pkl", "wb"))
