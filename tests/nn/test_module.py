"""A module is a tree: it can be walked, copied, frozen, mapped, saved, and traced."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import MLP, BatchNorm, Conv2d, Dropout, Linear, MaskedLinear, Module, Sequential
from minigen.tensor import leaves, relu, stop_gradient, value_and_grad


class Pair(Module):
    buffers = ("scale",)

    def __init__(self, rng):
        self.parts = [Linear(rng, 2, 3), {"last": Linear(rng, 3, 1)}]
        self.scale = np.full(1, 2.0, np.float32)
        self.order = np.array([1, 0])  # integers: a setting
        self.slope = 0.3  # a float: a setting

    def __call__(self, x):
        return self.parts[1]["last"](anp.tanh(self.parts[0](x[:, self.order]))) * self.scale


@pytest.fixture
def pair():
    return Pair(np.random.default_rng(0))


def test_parameters_are_the_float_arrays_that_are_not_buffers(pair):
    assert list(pair.parameters()) == ["parts.0.w", "parts.0.b", "parts.1.last.w", "parts.1.last.b"]
    assert pair.num_parameters() == 2 * 3 + 3 + 3 + 1
    assert all(a.dtype == np.float32 for a in leaves(pair))


def test_gradients_have_the_shape_of_the_model_and_flow_through_the_traced_copy_only(pair):
    x = np.ones((4, 2), np.float32)
    value, grads = value_and_grad(lambda m: anp.mean(m(x)))(pair)
    assert isinstance(grads, Pair) and value.dtype == np.float32
    assert {n: g.shape for n, g in grads.parameters().items()} == {n: a.shape for n, a in pair.parameters().items()}
    assert isinstance(pair.parts[0].w, np.ndarray)
    constant, zero = value_and_grad(lambda m: anp.mean(pair(x)) + 0 * m.parts[0].b[0])(pair)
    assert constant == pytest.approx(value) and not np.any(zero.parts[0].w)


def test_frozen_parts_take_no_gradient_and_are_still_saved(pair, tmp_path):
    pair.parts[0].freeze()
    assert list(pair.parameters()) == ["parts.1.last.w", "parts.1.last.b"]
    x = np.ones((4, 2), np.float32)
    _, grads = value_and_grad(lambda m: anp.mean(m(x)))(pair)
    assert list(grads.parameters()) == ["parts.1.last.w", "parts.1.last.b"]
    assert "parts.0.w" in pair.state()
    pair.freeze(False)
    assert len(pair.parameters()) == 4


def test_copy_shares_nothing(pair):
    twin = pair.copy()
    twin.parts[0].w[...] = 0
    assert np.any(pair.parts[0].w)


def test_map_leaves_the_original_alone(pair):
    doubled = pair.map(lambda a: 2 * a)
    np.testing.assert_array_equal(doubled.parts[0].w, 2 * pair.parts[0].w)
    assert doubled.scale is pair.scale


def test_save_and_load_round_trip(pair, tmp_path):
    path = pair.save(tmp_path / "pair.npz")
    other = Pair(np.random.default_rng(1))
    other.scale[:] = 5
    other.load(path)
    for name, a in pair.state().items():
        assert np.array_equal(a, other.state()[name]), name


def test_loading_checks_names_and_shapes_before_changing_anything(pair, tmp_path):
    path = pair.save(tmp_path / "pair.npz")
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="names differ"):
        MLP(rng, [2, 3, 1]).load(path)
    state = pair.state()
    state["parts.1.last.w"] = np.zeros((3, 2), np.float32)
    before = pair.parts[0].w.copy()
    state["parts.0.w"] = before + 1
    with pytest.raises(ValueError, match=r"parts.1.last.w must have shape \(3, 1\), got \(3, 2\)"):
        pair.load_state(state)
    assert np.array_equal(pair.parts[0].w, before)
    (tmp_path / "junk.npz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match="junk.npz"):
        pair.load(tmp_path / "junk.npz")
    with pytest.raises(FileNotFoundError):
        pair.load(tmp_path / "absent.npz")


def test_a_failed_save_leaves_the_old_file_whole(pair, tmp_path, monkeypatch):
    path = pair.save(tmp_path / "pair.npz")
    good = path.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half a fi")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        pair.save(path)
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["pair.npz"]


def test_no_pickle_in_either_direction(tmp_path):
    from minigen.tensor import load_arrays, save_arrays

    with pytest.raises(ValueError, match="Python objects"):
        save_arrays(tmp_path / "a.npz", {"a": np.array([{}], dtype=object)})
    np.savez(tmp_path / "b.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="b.npz"):
        load_arrays(tmp_path / "b.npz")


def test_modes_reach_every_module():
    net = Sequential(Linear(np.random.default_rng(0), 2, 2), BatchNorm(2))
    net.eval()
    assert not net.layers[1].training
    net.train()
    assert net.layers[1].training and [n for n, _ in net.modules()] == ["", "layers.0", "layers.1"]


def test_sequential_takes_its_layers_one_by_one_or_as_one_list():
    first, second = Linear(np.random.default_rng(0), 2, 3), Linear(np.random.default_rng(1), 3, 1)
    x = np.ones((4, 2), np.float32)
    expected = second(np.tanh(first(x)))
    for net in (
        Sequential(first, np.tanh, second),
        Sequential([first, np.tanh, second]),
        Sequential((first, np.tanh, second)),
    ):
        np.testing.assert_array_equal(net(x), expected)
        assert list(net.parameters()) == ["layers.0.w", "layers.0.b", "layers.2.w", "layers.2.b"]
    np.testing.assert_array_equal(Sequential([first])(x), first(x))
    assert Sequential()(x) is x and Sequential([])(x) is x
    with pytest.raises(ValueError, match=r"layers\[1\] must be a function"):
        Sequential([first, 3])
    with pytest.raises(ValueError, match=r"layers\[1\] must be a function"):
        Sequential(first, [second])


def test_the_mask_never_enters_the_weights():
    layer = MaskedLinear(np.random.default_rng(0), np.array([[1, 0], [0, 1]]))
    w = layer.w.copy()
    _, grads = value_and_grad(lambda m: anp.sum(m(np.ones((1, 2), np.float32))))(layer)
    np.testing.assert_array_equal(grads.w, layer.mask)
    np.testing.assert_array_equal(layer.w, w)
    assert np.all(layer.w[layer.mask == 0] != 0)


class Remembering(Module):
    """Sets an attribute when it is called, as `how` says."""

    buffers = ("mean",)

    def __init__(self, how):
        self.layer, self.how = Linear(np.random.default_rng(0), 2, 2), how
        self.mean = np.zeros(2, np.float32)

    def __call__(self, x):
        h = self.layer(x)
        getattr(self, self.how)(h)
        return h

    def new_array(self, h):
        self.last = h

    def replaced_buffer(self, h):
        self.mean = 0.9 * self.mean + 0.1 * stop_gradient(h).mean(axis=0)

    def in_place(self, h):
        self.mean[...] = stop_gradient(h).mean(axis=0)

    def setting(self, h):
        self.calls, self.inner = 3, Linear(np.random.default_rng(0), 1, 1)  # a module of its own is made in passing


@pytest.mark.parametrize("how, name", [("new_array", "last"), ("replaced_buffer", "mean")])
def test_an_array_set_while_called_is_refused_and_the_model_is_as_before(how, name):
    model, x = Remembering(how), np.ones((3, 2), np.float32)
    names = list(model.state())
    for call in (model, lambda x: value_and_grad(lambda m: anp.sum(m(x)))(model)):
        with pytest.raises(ValueError, match=f"Remembering.{name} must not be set to an array in __call__"):
            call(x)
        assert list(model.state()) == names


def test_buffers_change_in_place_and_settings_may_be_set_while_called():
    model, x = Remembering("in_place"), np.ones((3, 2), np.float32)
    _, grads = value_and_grad(lambda m: anp.sum(m(x)))(model)
    np.testing.assert_allclose(model.mean, model.layer(x).mean(axis=0), rtol=1e-6)
    assert list(grads.parameters()) == ["layer.w", "layer.b"]
    settings = Remembering("setting")
    settings(x)
    assert settings.calls == 3


def test_arrays_may_be_set_in_the_constructor_and_from_outside():
    model = Remembering("in_place")
    model.extra = np.ones(3, np.float32)
    assert "extra" in model.parameters()
    model.layer.w = np.zeros((2, 2), np.float32)
    assert not model.parameters()["layer.w"].any()


def test_a_module_built_inside_a_call_may_have_parameters():
    class Builds(Module):
        def __call__(self, x):
            return Linear(np.random.default_rng(0), 2, 1)(x)

    assert Builds()(np.ones((3, 2), np.float32)).shape == (3, 1)


def test_a_module_shows_its_tree(pair):
    pair.parts[0].freeze()
    assert repr(pair).splitlines() == [
        "Pair, 4 parameters, scale (1,) buffer, order (2,), slope=0.3",
        "  parts.0: Linear, frozen, w (2, 3), b (3,)",
        "  parts.1.last: Linear, 4 parameters, w (3, 1), b (1,)",
    ]
    shown = []
    value_and_grad(lambda m: shown.append(repr(m)) or anp.mean(m(np.ones((1, 2)))))(pair)
    assert shown[0].splitlines()[-1] == "  parts.1.last: Linear, 4 parameters, w (3, 1), b (1,)"


def test_a_layer_shows_its_settings():
    rng = np.random.default_rng(0)
    net = Sequential(Conv2d(rng, 1, 2, 3, 2, (1, 0)), anp.tanh, Dropout(0.25), Linear(rng, 2, 1, relu), lambda x: x)
    assert repr(net).splitlines() == [
        "Sequential, 23 parameters",
        "  layers.0: Conv2d, 20 parameters, w (3, 3, 1, 2), b (2,), stride=2, padding=(1, 0)",
        "  layers.1: tanh",
        "  layers.2: Dropout, 0 parameters, rate=0.25",
        "  layers.3: Linear, 3 parameters, w (2, 1), b (1,), activation=relu",
        "  layers.4: <lambda>",
    ]
    assert repr(Linear(rng, 2, 1, "tanh", bias=False)) == "Linear, 2 parameters, w (2, 1), activation='tanh'"
    assert (
        repr(Sequential(Linear(rng, 2, 1)).eval())
        == "Sequential, 3 parameters\n  layers.0: Linear, 3 parameters, w (2, 1), b (1,)"
    )
