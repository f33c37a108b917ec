"""Singular values of matrices whose columns differ by hundreds of orders of magnitude."""

import mpmath
import numpy as np
import pytest

from ensemble.errors import ConvergenceError
from ensemble.models.mean_field.kernels.jacobi import singular_values
from tests.support.reference.exact_spectrum import eigenvalues, exact


@pytest.mark.parametrize("decades", [0.0, 10.0, 60.0, 150.0])
@pytest.mark.parametrize("rows", [8, 9, 20])
def test_graded_columns(rows: int, decades: float) -> None:
    """Reference: mpmath, the roots of the eigenvalues of Xᵀ X. Each is right to 1e-13."""
    rng = np.random.default_rng(rows)
    matrix = (rng.standard_normal((rows, 8)) + 3 * np.eye(rows, 8)) * 10.0 ** (decades * rng.uniform(-1, 1, 8))
    squares = eigenvalues(lambda: exact(matrix).T * exact(matrix), int(4 * decades) + 60)
    with mpmath.workdps(30):
        expected = [float(mpmath.sqrt(each)) for each in reversed(squares)]
    np.testing.assert_allclose(singular_values(matrix), expected, rtol=1e-13)


def test_columns_of_zeros() -> None:
    found = singular_values(np.array([[0.0, 3.0], [0.0, 4.0], [0.0, 0.0]]))
    assert found.tolist() == pytest.approx([5.0, 0.0])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_that_are_none(wrong: float) -> None:
    matrix = np.eye(3)
    matrix[1, 2] = wrong
    with pytest.raises(ConvergenceError, match="rates must be finite"):
        singular_values(matrix)
