"""A second judge of another kind: a fully connected network on 60,000 shifted digits."""
import numpy, autograd.numpy as np, sys
from minigen.data import mnist
from minigen.nn import Linear, Module
from minigen.optim import cosine
from minigen.tensor import cross_entropy, relu
from minigen.train import descend
from minigen.zoo.digit_classifier import shifted
class Judge2(Module):
    def __init__(self, rng):
        self.a = Linear(rng, 784, 800, "relu"); self.b = Linear(rng, 800, 400, "relu"); self.c = Linear(rng, 400, 64, "relu"); self.out = Linear(rng, 64, 10)
    def features(self, x):
        h = relu(self.a(np.reshape(x, (len(x), 784)) - .13)) if False else np.reshape(x, (np.shape(x)[0], 784)) - .13
        return relu_(self.c(relu_(self.b(relu_(self.a(h))))))
    def __call__(self, x): return self.out(self.features(x))
def relu_(h): return relu(h)
def load():
    m = Judge2(numpy.random.default_rng(0)); z = numpy.load("trials/judge2.npz")
    for k, a in m.parameters().items(): a[...] = z[k]
    return m.freeze()
if __name__ == "__main__":
    rng = numpy.random.default_rng(5); m = Judge2(rng)
    data = mnist.splits(); X = numpy.concatenate([data.train.images, data.validation.images]); Y = numpy.concatenate([data.train.labels, data.validation.labels])
    steps = 5000
    b = mnist.batches(X, Y, size=128, rng=rng)
    def draw(rng):
        x, y = next(b); return mnist.unit(shifted(x, 2, rng)), y
    step = descend(lambda m, x, y: np.mean(cross_entropy(m(x), y)), m, draw, rng=rng, lr=cosine(1e-3, steps, warmup=100), parallel=True)
    for i in range(steps): step(i)
    t = data.test; p = m(mnist.unit(t.images)); print("accuracy", (p.argmax(1) == t.labels).mean())
    numpy.savez("trials/judge2.npz", **m.parameters())
