"""Whether a candidate is the true law; see :mod:`case_studies.benchmarks.exactness`."""

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.own_laws.law import OwnLaw
from dimgs.expression import Candidate
from dimgs.groups.group import PiBasis


def is_true_law(candidate: Candidate, law: OwnLaw, basis: PiBasis, seed: int = 7) -> bool:
    """Whether the candidate, its constants refitted on clean runs, is the law by both rules.

    Parameters
    ----------
    candidate : Candidate
        pi_0 in the groups of `basis`.
    law : OwnLaw
    basis : PiBasis
    seed : int
        Of the clean runs and of the points.
    """
    return agreement(candidate, Inputs(law, given=basis), seed).strict
