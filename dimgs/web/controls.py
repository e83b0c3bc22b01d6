"""Advice in the browser: the controls of the workbench and of the hub's pages."""

from dimgs.common.advice import Act, Advice, Step

# as they are labelled
_CONTROLS = {
    "at": "the fields of the inputs",
    "columns": "the ticks at “Inputs”",
    "constants": "“Known constants”",
    "drop": "the ticks at “Inputs”",
    "drop_bad": "“Leave out unusable rows, and report their number”",
    "hub": "“Hub”",
    "kernel": "“Kernel”",
    "regimes": "“look for regimes”",
    "repeating": "“Repeating variables”",
    "scales": "“Unknown constants with a unit”",
    "sheet": "“Sheet”",
    "split_by": "“Left out together”",
    "time_limit": "“in at most”",
    "units": "“Unit of …”",
    "within": "“A separate prefactor for each label”",
}
_STEPS = {
    Step.APPROVE: "“Approve” on its page",
    Step.MAKE_HUB: "a new hub,",
    Step.LIST_ENTRIES: "the search of the hub",
    Step.FIND_RUNS: "the search of the hub",
    Step.CHECK_CARD: "the limits and images of its card",
    Step.ADD_USER: "the page of the people",
    Step.SHOW_KEYS: "the page of the people",
    Step.RUN: "a campaign",
}


def in_the_browser(advice: Advice) -> str:
    """Advice as the control that does it.

    Examples
    --------
    >>> from dimgs.common.advice import setting
    >>> print(in_the_browser(setting("scales", "M0 [kg]", "auto")))
    “Unknown constants with a unit”: M0 [kg] or auto
    """
    if isinstance(advice, Act):
        return _STEPS[advice.step]
    label = _CONTROLS.get(advice.option)
    if label is None:
        label = f"“{advice.option.replace('_', ' ')}” (in Python or on the command line)"
    return ": ".join([label, *([" or ".join(advice.values)] if advice.values else [])])
