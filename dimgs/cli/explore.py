"""`dimgs explore`: what the runs hold before any law."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dimgs.cli import tables
from dimgs.cli.analyse import TABLE
from dimgs.cli.output import emit_json, say, table, warn
from dimgs.errors import noting

if TYPE_CHECKING:
    from dimgs.discovery.options import Options

# a smaller p-value says nothing more
_LEAST = 1e-99


@tables.takes("constants", "scales", "within", "split_by", "level", "seed", *TABLE)
def explore(
    source: Annotated[str, typer.Argument(metavar="TABLE", help="Table with units.")],
    target: tables.Target,
    options: "Options",
    metric: Annotated[
        str, typer.Option("--metric", help="Distance of the principal coordinates.")
    ] = "mahalanobis",
    json: tables.Json = False,
) -> None:
    """Look at the runs: PCA, PCoA, active directions, homogeneity, collinear groups."""
    from dimgs.discovery.explore import explore as look

    documents = []
    for name, data, asked in tables.each(source, target, options):
        with noting(data.warnings):
            found = look(data, name, asked, metric)
        warn(found.warnings)
        if json:
            documents.append(found.to_json())
        else:
            _print(found.to_json(), name)
    if json:
        emit_json(documents[0] if len(documents) == 1 else {"results": documents})


def _power(name: str, exponent: str | float) -> str:
    """A factor with its exponent, a number or the text of one: few digits, or a fraction."""
    text = str(exponent) if "/" in str(exponent) else f"{float(exponent):.3g}"
    if text == "1":
        return name
    return f"{name}^({text})" if "/" in text or text.startswith("-") else f"{name}^{text}"


def _print(found: dict[str, Any], target: str) -> None:
    say(f"Target {target}")
    if found["never_varied"]:
        say(f"Never varied: {', '.join(found['never_varied'])}")
    for item in found["collinear"]:
        powers = "·".join(_power(k, v) for k, v in item["exponents"].items())
        say(f"{'Constant' if item['exact'] else 'Nearly constant'} over the runs: {powers}")
    test = found["homogeneity"]
    if test is not None:
        p = "p not known" if test["p_value"] is None else f"p = {test['p_value']:.3g}"
        p = "p < 1e-99" if test["p_value"] is not None and test["p_value"] < _LEAST else p
        verdict = "rejected" if test["rejected"] else "not rejected"
        say(f"Dimensional homogeneity of the inputs alone: {verdict} ({p})")
        if test["rejected"] and not test["follows_inputs"]:
            say("The target does not follow the inputs beyond chance: no constant would help")
        if test["missing_dimension"] is not None:
            helps = " or ".join(_power(k, v) for k, v in test["constants"].items())
            unit = f" [{test['missing_unit']}]" if test["missing_unit"] else ""
            missing = str(test["missing_dimension"]).replace("^?", " (power unknown)")
            rest = f"; {helps} would bring it" if helps else ""
            say(f"Missing in the dimension: {missing.replace('*', ', ')}{unit}{rest}")
    if found["pca"] is not None:
        shares = ", ".join(f"{s:.1%}" for s in found["pca"]["shares"])
        say(f"Principal axes of the log-ratios: {shares}")
    if found["pcoa"] is not None and found["pcoa"]["n_negative"]:
        share = found["pcoa"]["negative_share"]
        say(f"Principal coordinates: {share:.1%} of the distances fit no Euclidean picture")
    if found["active"] is not None:
        size = found["active"]["effective_dimension"]
        say(
            f"Effective dimension {size['participation']:.2f} "
            f"[{size['low']:.2f}, {size['high']:.2f}]"
        )
    if found["dominant"] is not None:
        rows = [
            [c["text"], f"{c['r2']:.4f}", "yes" if c["predicts_as_well"] else "no"]
            for c in found["dominant"]["candidates"]
        ]
        table(
            f"One dominant group ({found['dominant']['scale']} scale)",
            ["group", "R² held out", "as good as fitted"],
            rows,
        )
