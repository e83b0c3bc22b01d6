"""What a person ticked: the columns' units, the question, and what the command line would say."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dimgs.advice import flag
from dimgs.discovery.options import Options
from dimgs.errors import InputError

# seconds that a search may take, as offered
TIME_LIMITS = (10, 30, 60, 300, 1800)


@dataclass(frozen=True)
class Choices:
    """The question that is asked of a table.

    Attributes
    ----------
    target : str
        Column to be explained; empty until one is chosen.
    inputs : tuple of str
        Numeric columns that may explain it.
    units : mapping of str to str
        Units that were corrected, by column.
    within, split_by : str
        Label columns: with a prefactor of its own for each label, or held out together.
    constants, scales : tuple of str
        Known constants, and unknown ones such as ``M0 [kg]``.
    repeating : tuple of str
        Repeating variables of the groups that are shown; empty for the shortest groups.
    drop_bad, regimes : bool
    time_limit : float
    sheet : str
        Of a workbook; empty for its first.
    across, up, colour : str
        What the plot shows: names of groups or columns, and a label column.
    """

    target: str = ""
    inputs: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    within: str = ""
    split_by: str = ""
    constants: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    repeating: tuple[str, ...] = ()
    drop_bad: bool = False
    regimes: bool = False
    time_limit: float = 60.0
    sheet: str = ""
    across: str = ""
    up: str = ""
    colour: str = ""

    @classmethod
    def of(cls, form: Sequence[tuple[str, str]], columns: Mapping[str, str]) -> "Choices":
        """Choices that a form brings.

        Parameters
        ----------
        form : sequence of (name, value)
        columns : mapping of str to str
            The unit that each column has of its own, by name.

        Raises
        ------
        InputError
            If the time limit is no number.
        """
        one = dict(form)

        def many(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(v for n, v in form if n == name and v))

        def column(name: str) -> str:
            return one.get(name, "") if one.get(name, "") in columns else ""

        units = {}
        for k, (name, own) in enumerate(columns.items()):
            typed = one.get(f"unit-{k}", own).strip()[:200]
            if typed != own:
                units[name] = typed
        try:
            limit = float(one.get("time_limit", "60"))
        except ValueError as error:
            raise InputError("The time is a number of seconds.") from error
        target = column("target")
        return cls(
            target=target,
            inputs=tuple(n for n in many("input") if n in columns and n != target),
            units=units,
            within=column("within"),
            split_by=column("split_by"),
            constants=many("constant"),
            scales=tuple(_parts(one.get("scales", ""), ";")),
            repeating=tuple(_parts(one.get("repeating", ""), ",")),
            drop_bad="drop_bad" in one,
            regimes="regimes" in one,
            time_limit=limit,
            sheet=one.get("sheet", ""),
            across=one.get("across", ""),
            up=one.get("up", ""),
            colour=column("colour"),
        )

    @property
    def question(self) -> tuple[Any, ...]:
        """What a law depends on; the rest is how things are shown."""
        return (
            self.target, frozenset(self.inputs), tuple(sorted(self.units.items())), self.within,
            self.split_by, frozenset(self.constants), self.scales, self.drop_bad, self.regimes,
            self.sheet,
        )  # fmt: skip

    def options(self, **changes: Any) -> Options:
        """The question as options of an analysis.

        Raises
        ------
        InputError
            If they cannot be used together.
        """
        given: dict[str, Any] = {
            "columns": self.inputs,
            "units": self.units,
            "within": self.within or None,
            "split_by": self.split_by or None,
            "constants": self.constants,
            "scales": "auto" if self.scales == ("auto",) else self.scales,
            "drop_bad": self.drop_bad,
            "regimes": self.regimes,
            "time_limit": self.time_limit,
            "sheet": self.sheet or None,
        }
        return Options(**given | changes)

    def command(self, table: str, verb: str = "discover") -> str:
        """The same question on the command line.

        Examples
        --------
        >>> asked = Choices("T", ("L",), {"L": "mm"}, constants=("g",))
        >>> print(asked.command("swing.csv"))
        dimgs discover swing.csv --target T --columns L --units L=mm --constants g
        """
        limited = verb == "discover" and self.time_limit != 60
        given = [
            ("target", self.target),
            ("columns", ",".join(self.inputs)),
            ("units", ",".join(f"{n}={u}" for n, u in self.units.items())),
            ("constants", ",".join(self.constants)),
            *(("scales", scale) for scale in self.scales),
            *((n, getattr(self, n)) for n in ("within", "split_by", "sheet")),
            ("time_limit", f"{self.time_limit:g}" if limited else ""),
        ]
        words = [word for name, value in given if value for word in (flag(name), value)]
        words += [flag(name) for name in ("drop_bad", "regimes") if getattr(self, name)]
        return shlex.join(["dimgs", verb, table, *words])


def _parts(text: str, mark: str) -> Iterable[str]:
    return dict.fromkeys(part.strip() for part in text.split(mark) if part.strip())
