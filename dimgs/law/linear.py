"""From a monomial fitted on a linear scale to a checked Law."""

from dataclasses import dataclass
from fractions import Fraction

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.law.domain import domain_of
from dimgs.law.law import Law
from dimgs.law.names import Names
from dimgs.law.parts import Scores, Uncertainty
from dimgs.law.power import Estimate, log_form_of


@dataclass(frozen=True)
class LinearEstimate:
    """A monomial pi_0 = prefactor × Π group^exponent, fitted on a linear scale.

    Parameters
    ----------
    exponents : tuple of (Fraction or float)
        One per feature.
    prefactor, low, high : float
    intervals : ndarray of shape (n_features, 2)
        Of the exponents.
    covariance : ndarray of shape (n_features + 1, n_features + 1)
        Of [ln|prefactor|, exponents].
    residual_sd, dof, residual_dof : float
    """

    exponents: tuple[Fraction | float, ...]
    prefactor: float
    low: float
    high: float
    intervals: Array
    covariance: Array
    residual_sd: float
    dof: float
    residual_dof: float


def linear_law(design: Design, estimate: LinearEstimate, level: float) -> Law:
    """Checked law of a response that may vanish or change sign.

    Parameters
    ----------
    design : Design
        On the linear scale.
    estimate : LinearEstimate
    level : float

    Returns
    -------
    Law
    """
    target, response = design.basis.target, design.basis.response
    assert target is not None
    assert response is not None
    names = Names.of(design)
    shape = Estimate(
        estimate.exponents,
        estimate.intervals,
        0.0,
        0.0,
        0.0,
        estimate.covariance,
        estimate.residual_sd,
        estimate.dof,
        estimate.residual_dof,
    )
    expression, pi_expression, constants, gradients = log_form_of(design, shape, names, level)
    first = constants[0]
    fitted = type(first)(
        first.name, estimate.prefactor, first.dimension, estimate.low, estimate.high
    )
    by_parameter = [pi_expression * g for g in gradients]
    symbols, unused = names.split({str(s) for s in expression.free_symbols})
    return Law(
        target=target,
        symbols=symbols,
        expression=expression,
        constants=(fitted, *constants[1:]),
        groups=tuple(f.group for f in design.features if f.group is not None),
        response=response,
        pi_expression=pi_expression,
        scores=Scores(None, None, None, None),
        domain=domain_of(design),
        uncertainty=Uncertainty(
            tuple(by_parameter),
            tuple(tuple(float(x) for x in row) for row in estimate.covariance),
            estimate.residual_sd,
            estimate.dof,
            "linear",
            estimate.residual_dof,
        ),
        level=level,
        scales=tuple(v for v in design.basis.variables if v.role == "scale"),
        known=tuple(v for v in design.basis.variables if v.role == "constant"),
        unused=unused,
    )
