"""Any program as a kernel: inputs in its files and arguments, outputs from what it writes."""

import glob
import inspect
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from dimgs.common.errors import InputError, RunFailedError, RunRefusedError
from dimgs.common.formats import read_toml
from dimgs.kernels.base import BaseKernel, Simulated, check_declared
from dimgs.kernels.command.command_options import beside, check_command, check_options, check_writes
from dimgs.kernels.command.parsers import STDOUT, Parser, parser_of
from dimgs.kernels.command.program import Command
from dimgs.kernels.command.template import Template
from dimgs.kernels.process import (
    MOST_PRINTED,
    MOST_WRITTEN,
    PRINTED,
    STREAM_FILES,
    last_words,
    run_program,
)
from dimgs.kernels.spec import ONE_TIER, Port, Tier, ports_of, tiers_of

_PARSING = ("regex", "json", "csv", "file", "first", "row", "delimiter", "error")


class CommandKernel(BaseKernel):
    """An external program, run without a shell in a working folder of its own.

    Fields such as ``{{D:.6g}}`` in arguments, files and standard input are inputs in the unit of
    their port, ``{{seed}}``, or a setting of the tier, ``{{tier.cells}}``. When a run fails, its
    folder is kept; the record's provenance names it.

    The key of a run holds the content of the program, of the files and folders that its arguments
    and its written files name by their full path, and of the modules that Python code imports
    from outside what is installed: with another program it is another run. What the program
    writes is therefore named relative to its folder, or listed in `writes`. A folder of more than
    2000 files or 200 MB does not enter the key; a warning says so.

    Parameters
    ----------
    argv : sequence of str
        The program, which may start with ``{{home}}``, and its arguments; fields stay single
        arguments whatever they hold.
    inputs : mapping of str to str, dict or Port
        Units by name, or tables with ``unit``, ``low``, ``high``, ``default``, ``description``.
    outputs : mapping of str to dict
        Tables with ``unit``, one of ``regex``, ``json``, ``csv``, and ``file`` where the number
        is not on standard output; ``error`` may hold such a table for its standard error. See
        :mod:`dimgs.kernels.command.parsers`.
    files : mapping of str to str or Path
        Texts with fields by the name of the file to write; a Path is read once, now.
    stdin : str, optional
        Text with fields for standard input.
    tiers : mapping of str to mapping or sequence of Tier, optional
        Settings by tier, coarse to fine.
    timeout : float
        Longest time of a run, in seconds.
    environment : mapping of str to str, optional
        Variables beside those of this process.
    name, version : str
        The version is that of the program: raise it when something changes that the key does not
        see, such as a library that the program loads.
    folder : path-like, optional
        Where working folders are made; the system's place for temporary files by default.
    keep : {"failures", "always", "never"}
        Which working folders stay.
    home : path-like, optional
        Where the program's own files lie: what ``{{home}}`` stands for, and where the path of the
        program starts if it is relative. It does not enter the key of a run.
    writes : sequence of str, optional
        Files and folders that runs write, by their full path, which may start with ``{{home}}``:
        they do not enter the key, where the command names them or a folder above them.
    most_printed, most_written : float
        Bytes after which a run is stopped: on standard output and standard error together, and
        in its folder.

    Raises
    ------
    InputError
        If a field names nothing, an input stands in no field, or an output has no parser.

    Examples
    --------
    >>> import sys
    >>> program = "print('x =', float(open('in.txt').read()) * 2)"
    >>> double = CommandKernel(
    ...     [sys.executable, "-c", program],
    ...     inputs={"a": "mm"},
    ...     outputs={"x": {"unit": "mm", "regex": r"x = (.+)"}},
    ...     files={"in.txt": "{{a:.6g}}"},
    ... )
    >>> double.run({"a": 1.5}).outputs
    {'x': (3.0, 'mm')}
    """

    def __init__(
        self,
        argv: Sequence[str],
        inputs: Mapping[str, Any] | Sequence[Port],
        outputs: Mapping[str, Mapping[str, Any]],
        *,
        files: Mapping[str, str | Path] | None = None,
        stdin: str | None = None,
        tiers: Mapping[str, Mapping[str, Any]] | Sequence[Tier] | None = None,
        timeout: float = 3600.0,
        environment: Mapping[str, str] | None = None,
        name: str = "command",
        version: str = "1",
        folder: str | Path | None = None,
        keep: Literal["failures", "always", "never"] = "failures",
        home: str | Path | None = None,
        writes: Sequence[str] = (),
        most_printed: float = MOST_PRINTED,
        most_written: float = MOST_WRITTEN,
    ) -> None:
        check_command(name, argv)
        most = {"timeout": timeout, "most_printed": most_printed, "most_written": most_written}
        check_options(name, most, environment, folder, keep, files)
        self.name, self.version = str(name), str(version)
        self.inputs = ports_of(inputs, name)
        self.outputs, self._parsers, self._error_parsers = _declared(outputs, name)
        self.tiers = ONE_TIER if tiers is None else tiers_of(tiers)
        check_declared(name, self.inputs, self.outputs, self.tiers)
        # a Path: no label that a user gives
        self._home = None if home is None else Path(home).absolute()
        self._executable = _executable(str(argv[0]), self._home)
        self._writes = [_written(w, name, self._home) for w in check_writes(name, writes)]
        self._arguments = [Template(a, f"argument {i} of '{name}'") for i, a in _numbered(argv)]
        self._files = {n: _file_template(n, text) for n, text in (files or {}).items()}
        self._stdin = None if stdin is None else Template(stdin, f"the input of '{name}'")
        self._asked = str(argv[0])
        self._environment = dict(environment or {})
        self.timeout, self.folder, self.keep = timeout, folder, keep
        self.most_printed, self.most_written = most_printed, most_written
        fields = frozenset().union(*(t.fields for t in self._templates()))
        self.stochastic = "seed" in fields
        self._check_fields(fields)

    def _templates(self) -> list[Template]:
        return [*self._arguments, *self._files.values(), *([self._stdin] if self._stdin else [])]

    def _check_fields(self, fields: frozenset[str]) -> None:
        inputs = {p.name for p in self.inputs}
        if inputs & {"seed", "home"}:
            raise InputError(
                f"'seed' and 'home' are reserved fields; rename the input of '{self.name}'."
            )
        common = set.intersection(*(set(t.settings) for t in self.tiers))
        settings = {f"tier.{s}" for s in common}
        more = {"seed"} if self._home is None else {"seed", "home"}
        odd = sorted(fields - inputs - settings - more)
        if odd:
            names = ", ".join(sorted(inputs | settings | more))
            raise InputError(
                f"The field '{odd[0]}' of '{self.name}' names no input, no setting of every "
                f"tier and no seed; there are {names}."
            )
        unused = sorted(inputs - fields)
        if unused:
            raise InputError(
                f"The input '{unused[0]}' of '{self.name}' stands in no field; write "
                f"{{{{{unused[0]}}}}} where the program reads it, or leave it out."
            )

    def _configuration(self) -> Mapping[str, Any]:
        return {
            "argv": [self._asked, *(t.text for t in self._arguments)],
            "files": {n: t.text for n, t in self._files.items()},
            "stdin": self._stdin.text if self._stdin else None,
            "environment": self._environment,
            "parsers": {n: repr(p) for n, p in self._parsers.items()},
            "error parsers": {n: repr(p) for n, p in self._error_parsers.items()},
        }

    def _program(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, str | None]:
        arguments, texts, stdin = self._filled(values, settings, seed)
        command = Command([self._executable, *arguments], texts, stdin, self._environment)
        home = str(self._home)
        return {
            n.replace(home, "{{home}}", 1) if Path(n).is_relative_to(home) else n: digest
            for n, digest in command.content(self.name, self._writes, self._runs()).items()
        }

    def _runs(self) -> list[str]:
        """Parent folder and folders of the runs."""
        if self.folder is None:
            return []
        place = Path(self.folder).absolute()
        runs = place.glob(f"{glob.escape(self._prefix)}*")
        return [str(place), *(str(p) for p in runs if p.is_dir())]

    @property
    def _prefix(self) -> str:
        return re.sub(r"[^\w.-]", "_", f"{self.name}-")

    def _filled(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> tuple[list[str], dict[str, str], str | None]:
        """Arguments, files and standard input of a run."""
        filled = {**values, **{f"tier.{s}": v for s, v in settings.items()}}
        filled |= {"seed": seed, "home": self._home}
        arguments = [t.fill(filled) for t in self._arguments]
        texts = {n: t.fill(filled) for n, t in self._files.items()}
        return arguments, texts, self._stdin.fill(filled) if self._stdin else None

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Simulated:
        if self.stochastic and seed is None:
            raise RunRefusedError(f"'{self.name}' draws random numbers; give a seed.")
        arguments, texts, stdin = self._filled(values, settings, seed)
        folder = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self.folder))
        try:
            for name, text in texts.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
            run_program(
                [self._executable, *arguments],
                folder,
                stdin=stdin,
                timeout=self.timeout,
                environment=self._environment,
                most_printed=self.most_printed,
                most_written=self.most_written,
            )
            outputs = {n: self._parsed(p, n, folder) for n, p in self._parsers.items()}
            errors = {n: self._parsed(p, n, folder) for n, p in self._error_parsers.items()}
        except RunFailedError as error:
            plain = [t.text for t in self._arguments]
            message = f"{error}{beside(plain, list(self._files), self._home)}"
            if self.keep == "never":
                shutil.rmtree(folder, ignore_errors=True)
                raise RunFailedError(message, error.provenance) from error
            raise RunFailedError(message, {**error.provenance, "folder": str(folder)}) from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if self.keep != "always":
            shutil.rmtree(folder, ignore_errors=True)
            return Simulated(outputs, errors)
        return Simulated(outputs, errors, {"folder": str(folder)})

    def _parsed(self, parser: Parser, output: str, folder: Path) -> float:
        """Number of an output; where it is missing, what the program said last about an error."""
        path = folder / (PRINTED if parser.file == STDOUT else parser.file)
        try:
            if path.stat().st_size > self.most_printed:
                raise RunFailedError(
                    f"{parser.file} holds more than {self.most_printed:.3g} bytes, too many to "
                    f"read; make the program write less, or raise most_printed."
                )
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError as error:
            raise RunFailedError(
                f"The program has not written {parser.file}, where '{output}' should be"
                f"{last_words(folder, errors_only=True)}."
            ) from error
        try:
            return parser.parse(text)
        except RunFailedError as error:
            message = str(error).rstrip(".")
            raise RunFailedError(f"{message}{last_words(folder, errors_only=True)}.") from error


def _declared(
    outputs: Mapping[str, Mapping[str, Any]], kernel: str
) -> tuple[tuple[Port, ...], dict[str, Parser], dict[str, Parser]]:
    ports, parsers, errors = {}, {}, {}
    for name, table in outputs.items():
        if not isinstance(table, Mapping):
            raise InputError(
                f"The output '{name}' of '{kernel}' is {table!r:.60}; give a table with a unit and "
                f"one of regex, json and csv."
            )
        parsing = {k: v for k, v in table.items() if k in _PARSING and k != "error"}
        ports[name] = {k: v for k, v in table.items() if k not in _PARSING}
        parsers[name] = parser_of(parsing, name)
        if "error" in table:
            errors[name] = parser_of(table["error"], name)
    if not ports:
        raise InputError(f"The kernel '{kernel}' declares no output; give at least one.")
    return ports_of(ports, kernel), parsers, errors


def _executable(first: str, home: Path | None) -> str:
    """The program as it is started; a relative path starts at home."""
    start = (home or Path()).absolute()
    template = Template(first, "the program")
    if template.fields and (home is None or template.fields != {"home"}):
        raise InputError(
            f"The program '{first}' holds a field; only {{{{home}}}} may stand there, in a file "
            f"of a kernel. Fields are for its arguments."
        )
    path = Path(template.fill({"home": start}))
    return first if path.name == first else str(start / path)


def _written(path: str, kernel: str, home: Path | None) -> str:
    """Full path of what runs write."""
    template = Template(path, f"writes of '{kernel}'")
    if template.fields and (home is None or template.fields != {"home"}):
        raise InputError(
            f"'{path}' in writes of '{kernel}' holds a field; only {{{{home}}}} may stand there, "
            f"in a file of a kernel."
        )
    full = template.fill({"home": home})
    if not os.path.isabs(full):
        raise InputError(
            f"'{path}' in writes of '{kernel}' is not a full path; leave it out: what the program "
            f"writes into its own folder never enters the key."
        )
    return os.path.normpath(full)


def _numbered(argv: Sequence[str]) -> list[tuple[int, str]]:
    return [(i, str(a)) for i, a in enumerate(argv)][1:]


def _file_template(name: str, text: str | Path) -> Template:
    path = Path(name)
    if name in STREAM_FILES:
        raise InputError(f"The file '{name}' is written by the kernel itself; choose another name.")
    if path.is_absolute() or ".." in path.parts or "{{" in name or not path.name or "\0" in name:
        raise InputError(f"The file '{name}' is outside the working folder; give a relative name.")
    if isinstance(text, Path):
        try:
            text = text.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The template '{text}' cannot be read ({error}).") from error
    return Template(text, name)


_KEYS = tuple(n for n in inspect.signature(CommandKernel).parameters if n != "home")


def read_command(path: str | Path) -> CommandKernel:
    """Kernel of a TOML file whose keys are the arguments of :class:`CommandKernel`.

    A further table ``templates`` names template files by the file to write. Relative paths, that
    of the program included, start from the folder of the file, which is also ``{{home}}``. The
    kernel is named after the file where it has no ``name``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    CommandKernel

    Raises
    ------
    InputError
        If the file cannot be read or describes no kernel.
    """
    file = Path(path)
    document = read_toml(file, "kernel")
    for key in document:
        if key not in (*_KEYS, "templates"):
            near = get_close_matches(key, _KEYS, n=1)
            remedy = f"did you mean '{near[0]}'?" if near else f"use {', '.join(_KEYS)}, templates."
            raise InputError(f"{file.name}, {key}: there is no such key; {remedy}")
    for key in ("inputs", "outputs", "files", "templates", "tiers", "environment"):
        if not isinstance(document.get(key, {}), dict):
            raise InputError(
                f"{file.name}, {key}: this is not a table; write [{key}] above its keys."
            )
    missing = [key for key in ("argv", "inputs", "outputs") if key not in document]
    if missing:
        raise InputError(f"{file.name}: the key '{missing[0]}' is missing; add it.")
    home = file.resolve().parent
    try:
        files = {**document.pop("files", {}), **_templates(document.pop("templates", {}), home)}
        kernel = CommandKernel(**{"name": file.stem, **document}, files=files, home=home)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from error
    except (TypeError, AttributeError) as error:
        raise InputError(
            f"{file.name} does not describe a kernel ({error}); correct the file."
        ) from error
    return kernel


def _templates(templates: dict[str, str], home: Path) -> dict[str, Path]:
    odd = [name for name, text in templates.items() if not isinstance(text, str)]
    if odd:
        raise InputError(f"The template of '{odd[0]}' is not text; give the path of its file.")
    return {name: home / text for name, text in templates.items()}
