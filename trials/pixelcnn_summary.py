"""both.py SEED: trains the network with a summary as the lesson does with that seed, and judges it."""
import sys, time, numpy
import autograd.numpy as np
from minigen.course.lesson.streams import random_stream
from minigen.data import mnist
from minigen.flow.pixel import PixelCNN
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import batched, bce_with_logits
from minigen.train import descend
from minigen.zoo import weights
seed = int(sys.argv[1]); rng_of = lambda name: random_stream(seed, name)
splits = mnist.splits(); digits = splits.train.images
bits_of = lambda im, rng: mnist.binarize(im, rng)[..., None]
test = bits_of(splits.test.images, rng_of("test"))
both = PixelCNN(rng_of("both"), 32, 3, window=(6, 13), position_bias=(28, 28), summary=256)
rng = rng_of("PixelCNN with a summary"); batches = mnist.batches(digits, size=10, rng=rng)
def draw(rng):
    im = next(batches)[0]; return bits_of(im, rng), mnist.unit(im)
def expected_nats(model, x, gray): return np.sum(bce_with_logits(model(x), gray)) / len(x)
steps = 5400
step = descend(expected_nats, both, draw, lr=cosine(6e-3, steps, warmup=100), ema=.998, rng=rng, parallel=True)
c = time.process_time()
for i in range(steps): step(i)
m = step.averaged
nats = -batched(m.log_prob, test, size=100).mean()
own = rng_of("judge both")
s = numpy.concatenate([m.sample(own, 500) for _ in range(10)])
j = judge_digits(weights.load("digit_classifier"), s, test)
print(seed, f"nats {nats:.3f} frechet {j.frechet:.2f} precision {j.precision:.3f} recall {j.recall:.3f} rarest {j.shares.min():.3f} cpu {time.process_time()-c:.0f}", flush=True)
