"""Tables of points: every form of file gives the same array, and an error names the file, the line and the cell."""

import numpy as np
import pytest

from minigen.data import points, standardize, table_columns, unstandardize
from minigen.flow.bijection import jacobian_log_det

POINTS = np.array([[1.5, -2.0], [0.25, 3e-2], [-7.0, 12.0]], np.float32)


def written(folder, text, name="own.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "1.5,-2\n0.25,3e-2\n-7,12\n",
        "x,y\n1.5,-2\n0.25,0.03\n-7,12",
        "x;y\r\n1.5;-2\r\n0.25;0.03\r\n-7;12\r\n",
        "x;y\n1,5;-2\n0,25;0,03\n-7;12\n",  # decimal commas
        "1.5\t-2\n0.25\t0.03\n-7\t12\n",
        "# of numpy.savetxt\n1.5 -2\n\n  0.25   0.03\n-7 12\n",
        '"x","y"\n"1.5","-2"\n0.25, 0.03\n-7,12\n',
        "\ufeffx,y\n1.5,-2\n0.25,0.03\n-7,12\n",  # as spreadsheets save it
    ],
)
def test_each_form_of_text_gives_the_same_points(tmp_path, text):
    x = points(written(tmp_path, text))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, POINTS)


def test_an_array_of_numpy_is_read(tmp_path):
    np.save(tmp_path / "own.npy", POINTS.astype(np.float64))
    x = points(tmp_path / "own.npy")
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, POINTS)


def test_columns_are_chosen_by_name_or_number_in_the_order_given(tmp_path):
    path = written(tmp_path, "name,x,y,z\nA,1,2,3\nB,4,5,6\n")
    np.testing.assert_array_equal(points(path, columns=["y", "x"]), [[2, 1], [5, 4]])
    np.testing.assert_array_equal(points(path, columns=[1, 2, 3]), [[1, 2, 3], [4, 5, 6]])
    np.save(tmp_path / "wide.npy", np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(points(tmp_path / "wide.npy", columns=[2, 0]), [[2, 0], [5, 3]])


@pytest.mark.parametrize("width", [1, 2, 5])
def test_all_columns_are_read_unless_some_are_chosen(tmp_path, width):
    table = np.arange(2.0 * width).reshape(2, width)
    lines = [",".join(str(number) for number in row) for row in table]
    np.testing.assert_array_equal(points(written(tmp_path, "\n".join(lines))), table)


@pytest.mark.parametrize(
    "text, columns, message",
    [
        ("x,y\n1,2\n\n3\n", None, r"own.csv, line 4: expected 2 cells, got 1: '3'"),
        ("x,y\n1,2\n3,4,5\n", None, r"own.csv, line 3: expected 2 cells, got 3: '3, 4, 5'"),
        (
            "x,y\n1,2\n3,n/a\n",
            None,
            r"own.csv, line 3: expected a finite number in column 'y', got 'n/a'; fill in the cell or delete",
        ),
        ("1,2\n3,\n", None, r"own.csv, line 2: expected a finite number in column 1, got ''"),
        ("1,2\nnan,2\n", None, r"own.csv, line 2: expected a finite number in column 0, got 'nan'"),
        ("1,2\n1,inf\n", None, r"own.csv, line 2: expected a finite number in column 1, got 'inf'"),
        ("", None, r"own.csv: expected a table of numbers, got no rows"),
        ("x,y\n", None, r"own.csv: expected rows of numbers, got line 1 only: 'x, y'"),
        (
            "a,b,c\n1,2,Ann\n",
            None,
            r"line 2: expected a finite number in column 'c', got 'Ann'; .* choose other columns: columns=\[...\]",
        ),
        ("a,b,c\n1,2,3\n", ["a", "d"], r"expected columns among 'a', 'b', 'c', got 'd'"),
        ("1,2,3\n", [0, 3], r"expected columns among 0 to 2, got 3"),
        ("a,b\n1,2\n", "ab", r"columns must be a list of names or numbers, got 'ab'"),
        ("x,2020\n1,2\n", None, r"line 1: expected a finite number in column 0, got 'x'; header=True takes this line"),
        (
            "x,y\n1,2\n1e40,2\n",
            None,
            r"line 3: expected a finite number in column 'x', got 1e\+40, too large for float32: divide",
        ),
    ],
)
def test_an_error_names_line_and_cell(tmp_path, text, columns, message):
    with pytest.raises(ValueError, match=message):
        points(written(tmp_path, text), columns=columns)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.csv"):
        points(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="path must end in .csv, .tsv, .txt or .npy, got 'own.xlsx'"):
        points(written(tmp_path, "x", "own.xlsx"))
    with pytest.raises(ValueError, match="expected text in UTF-8, got byte 0xf6"):
        points(written(tmp_path, "Höhe,y\n1,2\n", encoding="latin-1"))
    with pytest.raises(ValueError, match="expected an array that numpy.save wrote, got another file"):
        points(written(tmp_path, "1,2\n", "own.npy"))
    for array, message in [
        (np.zeros(3), r"numbers \(N, D\), got float64 of shape \(3,\)"),
        (np.array([["a", "b"]]), r"numbers \(N, D\), got <U1"),
        (np.array([[1, 2], [3, np.nan]]), r"own.npy, row 1: expected a finite number in column 1, got nan$"),
        (np.array([[None, 1]]), "expected an array that numpy.save wrote"),  # of Python objects: never loaded
    ]:
        np.save(tmp_path / "own.npy", array)
        with pytest.raises(ValueError, match=message):
            points(tmp_path / "own.npy")


def test_a_header_of_numbers_is_one_where_the_caller_says_so(tmp_path):
    path = written(tmp_path, "2020,2021\n1,2\n3,4\n")
    np.testing.assert_array_equal(points(path), [[2020, 2021], [1, 2], [3, 4]])
    np.testing.assert_array_equal(points(path, header=True), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(points(path, columns=["2021", "2020"], header=True), [[2, 1], [4, 3]])
    with pytest.raises(ValueError, match="line 1: expected a finite number in column 0, got 'x'"):
        points(written(tmp_path, "x,y\n1,2\n"), header=False)


def test_values_that_float32_would_make_equal_are_warned_of_and_kept_in_float64(tmp_path):
    path = written(tmp_path, "time,x\n1700000001,0.1\n1700000059,0.2\n1700000122,0.3\n")
    with pytest.warns(UserWarning, match="the values of column 'time' differ by little .* dtype=numpy.float64"):
        rounded = points(path)
    assert rounded.dtype == np.float32 and rounded[0, 0] == rounded[1, 0]
    x = points(path, dtype=np.float64)
    assert x.dtype == np.float64 and x[1, 0] - x[0, 0] == 58
    u, _ = standardize(x, x.mean(axis=0), x.std(axis=0))
    assert len(np.unique(u[:, 0].astype(np.float32))) == 3
    np.save(tmp_path / "times.npy", np.array([[1700000001, 1], [1700000059, 2]]))
    with pytest.warns(UserWarning, match="the values of column 0 differ by little"):
        points(tmp_path / "times.npy")
    with pytest.raises(ValueError, match="dtype must be numpy.float32 or numpy.float64, got <class 'int'>"):
        points(path, dtype=int)


@pytest.mark.filterwarnings("error")
def test_ordinary_rounding_and_constant_columns_are_not_warned_of(tmp_path):
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.standard_normal(2000), 1e6 + rng.standard_normal(2000) * 100, np.full(2000, 0.1)])
    np.save(tmp_path / "own.npy", table)
    np.testing.assert_array_equal(points(tmp_path / "own.npy", columns=[0, 1, 2]), table.astype(np.float32))


def test_a_number_too_large_for_float32_is_kept_in_float64(tmp_path):
    np.save(tmp_path / "own.npy", np.array([[1e40, 1.0], [1.0, 2.0]]))
    with pytest.raises(ValueError, match=r"own.npy, row 0: .* too large for float32"):
        points(tmp_path / "own.npy")
    assert points(tmp_path / "own.npy", dtype=np.float64)[0, 0] == 1e40


def test_standardized_points_and_the_log_determinant():
    """Eq. flow.04: the log-determinants are those of the Jacobians of the two maps."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 3)) * [0.1, 1.0, 20.0] + [5.0, 0.0, -3.0]
    mean, std = x.mean(axis=0), x.std(axis=0)
    u, log_det = standardize(x, mean, std)
    np.testing.assert_allclose(u.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(u.std(axis=0), 1, rtol=1e-12)
    back, log_det_back = unstandardize(u, mean, std)
    np.testing.assert_allclose(back, x, rtol=1e-12)
    np.testing.assert_allclose(log_det, np.full(5, -np.log(std).sum()), rtol=1e-12)
    np.testing.assert_allclose(log_det_back, -log_det, rtol=1e-12)
    scale, shift = std, mean

    def by_autograd(z):
        return z * scale + shift, np.zeros(len(z))

    np.testing.assert_allclose(log_det_back, jacobian_log_det(by_autograd, u), rtol=1e-9)


def test_single_precision_stays_and_a_constant_coordinate_is_refused():
    x = np.ones((4, 2), np.float32)
    x[:, 0] = [1, 2, 3, 4]
    u, log_det = standardize(x, np.array([2.5, 0.0]), np.array([2.0, 3.0]))
    assert u.dtype == log_det.dtype == np.float32 and log_det.shape == (4,)
    with pytest.raises(ValueError, match="std must be positive, got 0: a coordinate that is the same in every point"):
        standardize(x, x.mean(axis=0), x.std(axis=0))
    with pytest.raises(ValueError, match=r"mean must have shape \(2,\), got \(1, 2\)"):
        standardize(x, x.mean(axis=0, keepdims=True), np.ones(2))


def test_the_columns_of_a_table(tmp_path):
    """Each with whether half of its cells are numbers; a number that is missing is a mistake that `points` reports."""
    path = written(tmp_path, "name;x, in cm;y\nA;1,5;2\nB;NA;3\n")
    assert table_columns(path) == {"name": False, "x, in cm": True, "y": True}
    np.testing.assert_array_equal(points(path, ["y"]), [[2], [3]])
    with pytest.raises(ValueError, match="line 3: expected a finite number in column 'x, in cm', got 'NA'"):
        points(path, ["x, in cm"])
    path = written(tmp_path, "2020,2021\nred,1\n17,2\nblue,3\n")
    assert table_columns(path, header=True) == {"2020": False, "2021": True}
    assert table_columns(path) == {0: True, 1: True}
    assert table_columns(written(tmp_path, "A 1\nB 2\n")) == {0: False, 1: True}
    assert table_columns(written(tmp_path, "x,x,y\n1,2,3\n")) == {0: True, 1: True, 2: True}
    np.save(tmp_path / "own.npy", POINTS)
    assert table_columns(tmp_path / "own.npy") == {0: True, 1: True}
    with pytest.raises(ValueError, match="must end in"):
        table_columns(written(tmp_path, "1", "own.doc"))
