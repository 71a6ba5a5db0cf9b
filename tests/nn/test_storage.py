"""A file of a model makes the model anew: its class and arguments come with the arrays, and bad files are refused."""

import copy
import json
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest

from minigen.nn import MLP, Linear, MaskedLinear, Module, Sequential
from minigen.nn.storage import MOST_NUMBERS
from minigen.tensor import load_arrays, relu, save_arrays


class Anything(Module):
    """Keeps what it is given."""

    def __init__(self, *parts, **named):
        self.parts, self.named = list(parts), dict(named)
        self.w = np.zeros(2, np.float32)


class Ordered(Module):
    """Draws what is an array of integers and a buffer, and takes a net that is made elsewhere."""

    buffers = ("mask",)

    def __init__(self, rng, net, dim, *, scale=1.0):
        self.order = rng.permutation(dim)
        self.mask = rng.integers(0, 2, dim).astype(np.float32)
        self.net, self.scale = net, scale


class Special(Ordered):
    """A subclass with the constructor of its parent."""


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def assert_equal_states(model, other):
    state = model.state()
    assert list(other.state()) == list(state)
    for name, a in other.state().items():
        assert a.dtype == state[name].dtype and np.array_equal(a, state[name]), name


def rewritten(path, **changes):
    """The file with other entries in its description, each a value or a function of the present one."""
    arrays = load_arrays(path)
    content = json.loads(str(arrays["meta"]))
    for key, change in changes.items():
        content[key] = change(content[key]) if callable(change) else change
    save_arrays(path, {**arrays, "meta": np.array(json.dumps(content))})
    return path


def test_a_model_is_made_anew_with_its_arguments_and_arrays(rng, tmp_path):
    net = MLP(rng, [3, 5, 2], activation="tanh", last_scale=0.5)
    net.layers[0].b[...] = 3
    again = MLP.from_file(net.save(tmp_path / "net.npz"))
    assert_equal_states(net, again)
    x = rng.standard_normal((4, 3), dtype=np.float32)
    assert np.array_equal(again(x), net(x))
    assert again.layers[0].w is not net.layers[0].w
    assert_equal_states(net, Module.from_file(tmp_path / "net.npz"))


def test_integer_arrays_and_buffers_come_from_the_file_and_not_from_a_generator(rng, tmp_path):
    model = Special(rng, Sequential(Linear(rng, 2, 3, "relu"), relu, Linear(rng, 3, 1)), 9, scale=2.5)
    again = Ordered.from_file(model.save(tmp_path / "model.npz"))
    assert type(again) is Special and again.scale == 2.5 and again.net.layers[1] is relu
    assert_equal_states(model, again)
    assert again.order.dtype == model.order.dtype and sorted(again.order) == list(range(9))


def test_each_kind_of_argument_round_trips(tmp_path):
    values = [None, True, 3, -2.5, float("inf"), "a name", (1, (2.0, "b")), [1, [None]], {"k": (1,), 2: [3]}, (), {}]
    arrays = [np.arange(6, dtype=np.int16).reshape(2, 3), np.array([0.1, np.nan], np.float32), np.zeros((0, 3)), "é∫"]
    scalars = [np.float32(0.1), np.int64(7), np.bool_(True)]
    model = Anything(*values, *arrays, *scalars, named=[np.array([True, False])])
    again = Anything.from_file(model.save(tmp_path / "model.npz"))
    parts = again.parts
    assert parts[: len(values)] == values
    assert [type(part) for part in parts] == [type(part) for part in model.parts]
    for part, value in zip(parts[len(values) :], [*arrays, *scalars]):
        assert np.asarray(part).dtype == np.asarray(value).dtype and np.shape(part) == np.shape(value)
        np.testing.assert_array_equal(part, value)
    np.testing.assert_array_equal(again.named["named"][0], [True, False])


def test_arguments_are_kept_as_they_were_when_the_model_was_made(tmp_path):
    sizes, array = [2, 3], np.arange(3)
    model = Anything(sizes, array, inner={"sizes": sizes})
    sizes.append(4)
    array[0] = 9
    model.parts, model.named = [array], {}  # what a constructor keeps of its arguments is its own affair
    content = json.loads(str(load_arrays(model.save(tmp_path / "model.npz"))["meta"]))
    assert content["positional"][0] == {"list": [2, 3]} and content["positional"][1]["array"] == [0, 1, 2]
    assert content["named"] == {"inner": {"dict": [{"tuple": ["sizes", {"list": [2, 3]}]}]}}


def test_arguments_hold_no_generator_no_array_of_the_model_and_take_no_part_in_the_tree(rng):
    layer = MaskedLinear(rng, np.ones((2, 2), np.float32))
    outer = Ordered(rng, layer, 3)
    assert list(outer.state()) == ["order", "mask", "net.mask", "net.w", "net.b"]
    assert list(outer.parameters()) == ["net.w", "net.b"] and "rgument" not in repr(outer)
    held, seen = [outer._arguments], []
    while held:  # everything that the arguments refer to
        thing = held.pop()
        seen.append(thing)
        slots = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
        held += slots + (list(thing.values()) if isinstance(thing, dict) else thing if isinstance(thing, list) else [])
    assert not any(isinstance(thing, (np.random.Generator, Module)) for thing in seen)
    arrays = [thing for thing in seen if isinstance(thing, np.ndarray)]
    assert arrays and not any(np.shares_memory(a, b) for a in arrays for b in (layer.mask, layer.w))


@pytest.mark.parametrize("how", ["copy", "pickle", "map", "copy module"])
def test_copies_can_be_saved_and_made_anew(how, rng, tmp_path):
    model = Ordered(rng, MLP(rng, [2, 3, 1]), 4, scale=0.5)
    copies = {
        "copy": Module.copy,
        "pickle": lambda m: pickle.loads(pickle.dumps(m)),
        "map": lambda m: m.map(lambda a: 2 * a),
        "copy module": copy.copy,
    }
    twin = copies[how](model)
    again = Ordered.from_file(twin.save(tmp_path / "twin.npz"))
    assert_equal_states(twin, again)
    assert again.scale == 0.5


def test_what_is_not_stored_is_as_the_constructor_sets_it(rng, tmp_path):
    net = Sequential(Linear(rng, 2, 2)).eval()
    net.layers[0].freeze()
    again = Sequential.from_file(net.save(tmp_path / "net.npz"))
    assert again.training and len(again.parameters()) == 2
    assert_equal_states(net, again)


class Named(Module):
    """Has an argument that no file can hold."""

    def __init__(self, rng, size, transform=None):
        self.layer, self.transforms = Linear(rng, size, size), transform is not None


@pytest.mark.parametrize(
    "transform, kind",
    [
        (lambda x: 2 * x, "function .*lambda"),
        (object(), "object"),
        (Linear, "type Linear"),
        (np.zeros(MOST_NUMBERS + 1), "an array of 10,001 values of float64"),
        (np.array([None]), "an array of 1 values of object"),
        ([0] * (MOST_NUMBERS + 1), "a list of 10,001 items"),
        ({"a": [len]}, "builtin_function_or_method len"),
        (1j, "complex"),
    ],
)
def test_an_argument_that_no_file_holds_is_named_and_the_arrays_can_still_be_read(transform, kind, rng, tmp_path):
    model = Named(rng, 3, transform)
    path = model.save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=rf"transform of Named .*\({kind}.*\).* Named\(\.\.\.\)\.load\(path\)"):
        Named.from_file(path)
    other = Named(np.random.default_rng(1), 3).load(path)
    assert_equal_states(model, other)


def test_an_argument_inside_a_module_among_the_arguments_is_named(rng, tmp_path):
    path = Anything(Sequential(Linear(rng, 2, 2), np.tanh)).save(tmp_path / "model.npz")
    with pytest.raises(
        ValueError, match=r"layers\[1\] of Sequential is missing, because a file cannot hold it \(ufunc"
    ):
        Anything.from_file(path)


def test_another_class_is_refused(rng, tmp_path):
    path = Linear(rng, 2, 3).save(tmp_path / "linear.npz")
    with pytest.raises(ValueError, match=r"linear\.npz: it holds a Linear, not a MLP"):
        MLP.from_file(path)
    path = Ordered(rng, Linear(rng, 2, 2), 3).save(tmp_path / "ordered.npz")
    with pytest.raises(ValueError, match="it holds a Ordered, not a Special"):
        Special.from_file(path)


def test_a_file_of_arrays_alone_is_refused_and_loaded(rng, tmp_path):
    net = MLP(rng, [2, 3, 1])
    path = save_arrays(tmp_path / "old.npz", net.state())
    with pytest.raises(ValueError, match=r"old\.npz: it holds arrays only.*MLP\(\.\.\.\)\.load\(path\)"):
        MLP.from_file(path)
    assert_equal_states(net, MLP(np.random.default_rng(1), [2, 3, 1]).load(path))
    with pytest.raises(FileNotFoundError):
        MLP.from_file(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"format": 2}, "its format is 2, of a newer version of minigen; this one reads up to 1"),
        ({"format": 0}, "its description is damaged"),
        ({"class": 3}, "its description is damaged"),
        ({"positional": None}, "its description is damaged"),
        ({"named": []}, "its description is damaged"),
        ({"tied": [3]}, "its description is damaged"),
        ({"positional": [{"generator": None}, {"tuple": 5}]}, r"its description is damaged \(at sizes of MLP\)"),
        ({"positional": [{"generator": None}, {"list": [{"unknown": 1}]}]}, r"its description is damaged \(at sizes"),
        ({"positional": [{"function": "system"}]}, "its description is damaged"),
        ({"positional": [{"object": "os:environ", "attributes": {}}]}, "its description is damaged"),
        ({"positional": [{"dict": [1]}]}, "its description is damaged"),
        ({"positional": [{"array": [1], "shape": ["a"], "dtype": "<f4"}]}, "its description is damaged"),
        ({"positional": [{"array": [1], "shape": [1], "dtype": "nonsense"}]}, "its description is damaged"),
        ({"positional": [{"generator": None}, {"list": [2, -1]}]}, "MLP cannot be made with the stored arguments"),
        ({"named": {"depth": 3}}, "MLP cannot be made with the stored arguments: .*depth"),
        ({"positional": [{"generator": None}, {"list": [2, 4, 1]}]}, "its arrays do not fit a new MLP"),
        ({"positional": [{"generator": None}, {"list": [2, 3, 3, 1]}]}, "its arrays do not fit a new MLP"),
        ({"class": "os:system"}, "no module os with this class is imported|it holds a system"),
        ({"class": "collections:OrderedDict"}, "it holds a OrderedDict, not a MLP"),
        ({"class": "not_imported.at_all:MLP"}, "it holds a MLP, and no module not_imported.at_all"),
        ({"class": "minigen.nn.layers:Absent"}, "it holds a Absent, and no module minigen.nn.layers"),
    ],
)
def test_a_damaged_or_foreign_description_is_refused(changes, message, rng, tmp_path):
    path = rewritten(MLP(rng, [2, 3, 1]).save(tmp_path / "net.npz"), **changes)
    with pytest.raises(ValueError, match=rf"net\.npz: .*({message})"):
        MLP.from_file(path)


@pytest.mark.parametrize("meta", ["", "{", "[1, 2]", "null", "[" * 100_000, np.zeros(3)])
def test_a_description_that_is_no_description_is_refused(meta, rng, tmp_path):
    net = MLP(rng, [2, 3, 1])
    path = save_arrays(tmp_path / "net.npz", {**net.state(), "meta": np.array(meta)})
    with pytest.raises(ValueError, match="its description is damaged"):
        MLP.from_file(path)
    assert_equal_states(net, MLP(np.random.default_rng(1), [2, 3, 1]).load(path))


def test_a_damaged_file_is_refused(rng, tmp_path):
    path = MLP(rng, [2, 30, 1]).save(tmp_path / "net.npz")
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"no archive", whole[:300] + bytes(200) + whole[500:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="net.npz"):
            MLP.from_file(path)
    path.write_bytes(whole)
    arrays = load_arrays(path)
    del arrays["layers.1.b"]
    save_arrays(path, arrays)
    with pytest.raises(ValueError, match=r"its arrays do not fit a new MLP .*missing \['layers.1.b'\]"):
        MLP.from_file(path)


def test_a_file_imports_nothing_but_the_package(rng, tmp_path):
    path = MLP(rng, [2, 3, 1]).save(tmp_path / "net.npz")
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    for module in ("trap", "minigen.absent", "antigravity"):
        rewritten(path, **{"class": f"{module}:MLP"})
        code = f"from minigen.nn import MLP\ntry: MLP.from_file({str(path)!r})\nexcept ValueError as e: print(e)"
        run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert f"no module {module} with this class is imported" in run.stdout, run


SCRIPT = """
import numpy as np
from minigen.nn import Linear, Module
class Part(Module):
    def __init__(self, rng, size): self.layer = Linear(rng, size, size)
class Whole(Module):
    def __init__(self, rng, part): self.part, self.out = part, Linear(rng, 2, 1)
"""


def test_a_class_of_a_script_is_found_where_the_script_is_run_and_where_it_is_imported(tmp_path, monkeypatch):
    script = tmp_path / "own_model.py"
    make = "if __name__ == '__main__':\n    r = np.random.default_rng(0)\n    Whole(r, Part(r, 2)).save('own.npz')\n"
    read = "    print(type(Whole.from_file('own.npz').part).__module__)\n"
    script.write_text(SCRIPT + make + read)
    run = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout == "__main__\n", run
    monkeypatch.syspath_prepend(tmp_path)
    import own_model  # type: ignore[import-not-found]

    whole = own_model.Whole.from_file(tmp_path / "own.npz")
    assert type(whole) is own_model.Whole and type(whole.part) is own_model.Part
    whole.save(tmp_path / "imported.npz")
    script.write_text(SCRIPT + "print(type(Whole.from_file('imported.npz').part).__module__)\n")
    run = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout == "__main__\n", run
    monkeypatch.delitem(sys.modules, "own_model")
    with pytest.raises(ValueError, match="it holds a Whole, and no module own_model with this class is imported"):
        Module.from_file(tmp_path / "imported.npz")


def test_a_class_of_another_module_with_the_same_name_is_refused(rng, tmp_path):
    other = types.ModuleType("other_models")
    exec(SCRIPT, vars(other))
    path = other.Part(rng, 2).save(tmp_path / "part.npz")
    mine = type("Part", (Module,), {"__module__": __name__, "__qualname__": "Part"})
    with pytest.raises(ValueError, match="no module other_models with this class"):
        mine.from_file(path)


def test_a_model_that_was_changed_after_it_was_made_is_refused(rng, tmp_path):
    net = Sequential(Linear(rng, 2, 2))
    net.layers.append(Linear(rng, 2, 1))
    path = net.save(tmp_path / "net.npz")
    with pytest.raises(ValueError, match="changed after it was made"):
        Sequential.from_file(path)


def test_tied_parameters_are_tied_again_or_refused(rng, tmp_path):
    class Tied(Module):
        def __init__(self, rng, part):
            self.first, self.second = part, Linear(rng, 2, 2)
            self.second.w = self.first.w

    again = Tied.from_file(Tied(rng, Linear(rng, 2, 2)).save(tmp_path / "tied.npz"))
    assert again.first.w is again.second.w
    layer = Linear(rng, 2, 2)
    path = Sequential(layer, layer).save(tmp_path / "twice.npz")
    with pytest.raises(ValueError, match="layers.0.w, layers.1.w were one array"):
        Sequential.from_file(path)
    separate = Sequential(layer, layer.copy())
    assert_equal_states(separate, Sequential.from_file(separate.save(path)))


def test_an_array_may_not_have_the_name_of_the_description(tmp_path):
    model = Anything()
    model.meta = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="the array 'meta' of Anything must have another name"):
        model.save(tmp_path / "model.npz")


def test_a_module_without_constructor_takes_no_argument():
    class Empty(Module):
        pass

    class Other:
        def __init__(self, size):
            self.size = size

    class Both(Module, Other):
        pass

    Empty()
    with pytest.raises(TypeError, match=r"Empty\(\) takes no arguments"):
        Empty(3)
    assert Both(4).size == 4
