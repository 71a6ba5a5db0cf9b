"""What `.github/AUTOGRAD.md` says of autograd's gradients and of minigen's is so."""

import re

import autograd
import autograd.numpy as np
import numpy
import pytest

from minigen import tensor as T


def entries(root):
    text = (root / ".github" / "AUTOGRAD.md").read_text(encoding="utf-8")
    return re.findall(r"^(grad\(.*)\n# autograd: (.*)\n# right: (.*)\n# minigen: (right|refused)$", text, re.M)


def assert_is(found, stated):
    numpy.testing.assert_allclose(found, eval(stated, {"nan": numpy.nan}), atol=1e-15, strict=False)
    assert numpy.shape(found) == numpy.shape(eval(stated, {"nan": numpy.nan}))


@pytest.mark.filterwarnings("ignore")
def test_each_gradient_is_what_is_stated(root):
    found = entries(root)
    assert len(found) == (root / ".github" / "AUTOGRAD.md").read_text(encoding="utf-8").count("# autograd:") > 20
    for expression, autograds, right, minigens in found:
        if autograds.endswith("Error"):
            with pytest.raises(Exception) as error:
                eval(expression, {"np": np, "grad": autograd.grad})
            assert error.type.__name__ == autograds, expression
        else:
            assert_is(eval(expression, {"np": np, "grad": autograd.grad}), autograds)
        if minigens == "refused":
            with pytest.raises((NotImplementedError, ValueError), match="derivative|must have the shape|only supports"):
                eval(expression, {"np": np, "grad": T.grad})
        else:
            assert_is(eval(expression, {"np": np, "grad": T.grad}), right)
