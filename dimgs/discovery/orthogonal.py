"""The power law of a design whose inputs carry errors too, from the error columns of its table."""

import numpy as np
from numpy.typing import NDArray

from dimgs.design.features import Design
from dimgs.discovery.power import PowerFit
from dimgs.errors import InputError
from dimgs.fits.covariance import t_quantile
from dimgs.fits.least_squares import fit_power_law

Array = NDArray[np.float64]
_UNEXPLAINED = 2.0


def fit_orthogonal(design: Design, level: float) -> PowerFit:
    """Orthogonal regression with the errors of every variable, carried into the groups.

    An error of a variable is an error of every group that it enters, and of pi_0 where that holds
    it; the covariance of all of them is used, so that nothing depends on the basis.

    Parameters
    ----------
    design : Design
        On a log or level scale, without groups of their own prefactor.
    level : float

    Returns
    -------
    PowerFit

    Raises
    ------
    InputError
        If the target, or every input, is without an error column.
    """
    from dimgs.fits.errors_in_variables import OrthogonalPowerLaw

    covariance = error_covariance(design)
    model = OrthogonalPowerLaw().fit(
        design.X, design.y, groups=design.split, error_covariance=covariance
    )
    reference = fit_power_law(design.X, design.y, None, design.split)
    joint = np.asarray(model.joint_covariance_)
    intercept = float(model.intercept_)
    free = max(1.0, float(design.n_runs - design.X.shape[1] - 1))
    dof = max(1.0, float(model.dof_))
    half = float(t_quantile(level, np.array([dof]))[0]) * float(np.sqrt(joint[0, 0]))
    notes = []
    if model.chi2_reduced_ > _UNEXPLAINED:
        notes.append(
            f"The scatter about the law is {np.sqrt(model.chi2_reduced_):.2g} times what the "
            f"stated errors explain: they are too small, or the law is not a power law."
        )
    return PowerFit(
        coefficients=np.asarray(model.exponents_),
        intervals=np.asarray(model.intervals(level)),
        intercept=intercept,
        intercept_interval=np.array([intercept - half, intercept + half]),
        joint=joint,
        residual_sd=float(np.sqrt(np.sum(model.residuals_**2) / free)),
        dof=dof,
        residual_dof=free,
        left_out=None,
        effects=None,
        collinear=reference.coordinates.null_directions(),
        weak=reference.coordinates.weak_directions(),
        n_contrasts=model.n_contrasts_,
        n_pairs=model.n_pairs_,
        notes=tuple(notes),
    )


def error_covariance(design: Design) -> Array:
    """Covariance of the errors of [features | response] in every run.

    Parameters
    ----------
    design : Design

    Returns
    -------
    ndarray of shape (n_runs, n_features + 1, n_features + 1)
    """
    data, target, response = design.data, design.basis.target, design.basis.response
    assert target is not None
    assert response is not None
    inputs = inputs_with_errors(design)
    if target.name not in data.errors:
        raise InputError(
            f"Errors in the inputs need those of the target beside them: add a column "
            f"'{target.name}_err [{target.unit.text}]', or leave out --errors-in-variables."
        )
    if not inputs:
        raise InputError(
            "No input has an error column: add columns such as 'x_err [unit]', or leave out "
            "--errors-in-variables; the errors of the target alone are used as weights."
        )
    names = [*inputs, target.name]
    slopes = np.zeros((design.n_runs, len(design.features) + 1, len(names)))
    for k, name in enumerate(names):
        values = np.asarray(data[name], dtype=np.float64)
        for j, feature in enumerate(design.features):
            if feature.group is not None:
                slopes[:, j, k] = float(feature.group.get(name)) / values
            elif feature.variable == name:
                inverse = feature.contrast == "inverse"
                slopes[:, j, k] = -1.0 / values**2 if inverse else 1.0
        if design.scale == "level":
            slopes[:, -1, k] = target.unit.log_factor if name == target.name else 0.0
        else:
            slopes[:, -1, k] = float(response.get(name)) / values
    errors = np.column_stack([data.errors[name] for name in names])
    scaled = slopes * errors[:, None, :]
    return np.asarray(scaled @ scaled.transpose(0, 2, 1))


def inputs_with_errors(design: Design) -> list[str]:
    """Inputs of the design that have an error column."""
    response = design.basis.response
    used = {n for f in design.features if f.group for n, _ in f.group.exponents}
    used |= {f.variable for f in design.features if f.variable is not None}
    used |= {n for n, _ in response.exponents} if response is not None else set()
    target = design.basis.target
    return sorted(n for n in used if n in design.data.errors and (not target or n != target.name))
