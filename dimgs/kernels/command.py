"""External programs as kernels: commands, templates of files, parsers, and keys of runs."""

import csv
import glob
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, Strict

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import (
    InputError,
    RunFailedError,
    RunRefusedError,
    located,
    warn_all,
)
from dimgs.common.formats import attributes, checked, read_toml, validated
from dimgs.kernels.base import BaseKernel, Settings, Simulated, Values, ports_of
from dimgs.kernels.fingerprint import (
    MOST_BYTES,
    MOST_FILES,
    Digests,
    file_digest,
    files_of,
    folder_digest,
    is_installed,
    paths_named,
    user_modules,
)
from dimgs.kernels.process import (
    MOST_PRINTED,
    MOST_WRITTEN,
    PRINTED,
    STREAM_FILES,
    last_words,
    run_program,
    text_printed,
)

_FIELD = re.compile(r"\{\{\s*([^\W\d]\w*(?:\.\w+)?)\s*(?::([^{}]*))?\}\}")
_TOO_WIDE = re.compile(r"\d{4}")
# what no input script, option or table of any program reads as more than a word
_LABEL = re.compile(r"[\w .,:+/@=()%-]*")


@dataclass(frozen=True)
class Template:
    """A text with fields.

    Parameters
    ----------
    text : str
        ``{{name}}`` or ``{{name:spec}}``, with Python's format specifications; numbers without
        one are written with every digit. ``d`` is for whole numbers.
    where : str
        What it is, for messages.

    Raises
    ------
    InputError
        If a field or its format cannot be read.

    Examples
    --------
    >>> template = Template("D = {{D:.3e}} # {{kind}}, {{n:d}} of {{tier.cells}}", "input.txt")
    >>> template.fill({"D": 1.5e-12, "kind": "film", "n": 3.0, "tier.cells": 50})
    'D = 1.500e-12 # film, 3 of 50'
    >>> sorted(template.fields)
    ['D', 'kind', 'n', 'tier.cells']
    """

    text: str
    where: str

    def __post_init__(self) -> None:
        """Find the fields and try their formats."""
        if not isinstance(self.text, str):
            raise InputError(f"{self.where} is {self.text!r:.60}; give a text with fields.")
        rest = _FIELD.sub("", self.text)
        if "{{" in rest:
            start = rest.index("{{")
            fault = f"The field '{rest[start : start + 30]}…' in {self.where} cannot be read"
            raise InputError(f"{fault}; write {{{{name}}}} or {{{{name:.6g}}}}.")
        for name, spec in _FIELD.findall(self.text):
            if not _is_format(spec):
                fault = f"The format '{spec}' of the field '{name}' in {self.where} is not one of "
                remedy = f"write for example {{{{{name}:.6g}}}}"
                raise InputError(f"{fault}Python's; {remedy}.")

    @property
    def fields(self) -> frozenset[str]:
        """Names in the fields."""
        return frozenset(name for name, _ in _FIELD.findall(self.text))

    def fill(self, values: Values) -> str:
        """Text with the values in it.

        Raises
        ------
        RunRefusedError
            If a value does not suit its field.
        """
        return _FIELD.sub(lambda m: self._written(m[1], m[2] or "", values[m[1]]), self.text)

    def _written(self, name: str, spec: str, value: Any) -> str:
        if isinstance(value, str):
            check_label(name, value)
        if spec.endswith(tuple("bcdoxX")) and isinstance(value, float):
            if not value.is_integer():
                fault = f"The input '{name}' = {value:g} must be a whole number"
                raise RunRefusedError(f"{fault} for {self.where}.")
            value = int(value)
        try:
            return format(value, spec) if spec else str(value)
        except ValueError as error:
            fault = f"The input '{name}' cannot be written as '{spec}'"
            raise RunRefusedError(f"{fault} in {self.where} ({error}).") from error


def _is_format(spec: str) -> bool:
    """Whether a number or a text can be written by a format, and not too wide."""
    for sample in () if _TOO_WIDE.search(spec) else (1.0, 1, "a"):
        with suppress(ValueError):
            return format(sample, spec) is not None
    return False


def check_label(name: str, value: str) -> None:
    """Refuse a label that could be more than a word to the program that reads it.

    Raises
    ------
    RunRefusedError
    """
    if not _LABEL.fullmatch(value) or value.startswith("-") or ".." in value:
        fault = f"The label '{name}' = {value!r:.60} cannot be passed to a program"
        letters = "letters, digits, spaces and . , : + / @ = ( ) % -"
        raise RunRefusedError(f"{fault}; use {letters}, without a leading '-' or '..'.")


STDOUT = "stdout"
_FORTRAN = re.compile(r"(?<=\d|\.)[dD](?=[+-]?\d)")


def _inside(file: str) -> str:
    path = Path(file)
    if path.is_absolute() or ".." in path.parts or not path.name or "\0" in file or "{{" in file:
        where = "outside the working folder, where other runs may write it too"
        raise InputError(f"The file '{file}' lies {where}; give a relative name inside.")
    return file


def _with_one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        fault = f"The pattern '{pattern}' cannot be read ({error})"
        raise InputError(f"{fault}; correct it.") from error
    if groups != 1:
        remedy = "put the number alone in brackets, and use (?:…) elsewhere"
        raise InputError(f"The pattern '{pattern}' has {groups} groups; {remedy}.")
    return pattern


def _argument(value: Any) -> Any:
    if not isinstance(value, str | int | float | Path) or "\0" in str(value):
        raise InputError(f"{value!r:.60} is neither a text nor a number.")
    return value


NotEmpty = Annotated[str, Field(min_length=1)]
File = Annotated[NotEmpty, AfterValidator(_inside)]
Positive = Annotated[float, Field(gt=0.0), Strict()]
Plain = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(pattern=r"^[^=\x00]+$")]


@checked()
class Regex:
    r"""The group of a regular expression, where it matches last.

    Parameters
    ----------
    pattern : str
        With exactly one group; lines are matched on their own (``^`` and ``$``).
    file : str
    first : bool
        Whether the first match counts instead.

    Examples
    --------
    >>> Regex(r"^t = (\S+) s$").parse("t = 1.0 s\nt = 2.5D+01 s\n")
    25.0
    """

    pattern: Annotated[str, AfterValidator(_with_one_group)]
    file: File = STDOUT
    first: bool = False

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        matches = [m[1] for m in re.finditer(self.pattern, text, re.MULTILINE)]
        if not matches:
            raise RunFailedError(f"The pattern '{self.pattern}' does not occur in {self.file}.")
        return _number(matches[0 if self.first else -1], self.file)


@checked()
class Json:
    """A value in a JSON document.

    Parameters
    ----------
    path : str
        Keys and positions, with dots: ``result.force.0``; positions may be negative.
    file : str

    Examples
    --------
    >>> Json("result.force.-1").parse('{"result": {"force": [1, 2.5]}}')
    2.5
    """

    path: NotEmpty
    file: File = STDOUT

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        try:
            node = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RunFailedError(f"{self.file} is not a JSON document ({error}).") from error
        for part in self.path.split("."):
            try:
                node = node[int(part)] if isinstance(node, list) else node[part]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise RunFailedError(f"There is no '{self.path}' in {self.file}.") from error
        return _number(node, self.file)


@checked()
class Csv:
    r"""A cell of a table with a header.

    Parameters
    ----------
    column : str
        Name in the header.
    file : str
    row : int
        Position of the row below the header, from 0; the last by default.
    delimiter : str

    Examples
    --------
    >>> Csv("CF", "out.csv").parse("t,CF\n0,0.0\n10,0.25\n")
    0.25
    """

    column: NotEmpty
    file: File = STDOUT
    row: Annotated[int, Strict()] = -1
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","

    def parse(self, text: str) -> float:
        """Number in the text of the file."""
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            rows = list(csv.DictReader(lines, delimiter=self.delimiter, skipinitialspace=True))
            cell = rows[self.row][self.column]
        except csv.Error as error:
            raise RunFailedError(f"{self.file} is not a CSV table ({error}).") from error
        except IndexError as error:
            raise RunFailedError(f"{self.file} has no row {self.row}.") from error
        except KeyError as error:
            fault = f"{self.file} has no column '{self.column}'"
            raise RunFailedError(f"{fault}; it has {', '.join(rows[self.row])}.") from error
        return _number(cell, self.file)


Parser = Regex | Json | Csv
_KINDS: dict[str, type[Parser]] = {"regex": Regex, "json": Json, "csv": Csv}


def parser_of(table: Mapping[str, Any], output: str) -> Parser:
    """Parser from a table: ``{"regex": …}``, ``{"json": …}`` or ``{"csv": …}`` and options.

    Raises
    ------
    InputError

    Examples
    --------
    >>> parser_of({"csv": "CF", "file": "out.csv"}, "CF")
    Csv(column='CF', file='out.csv', row=-1, delimiter=',')
    """
    if not isinstance(table, Mapping):
        raise InputError(f"The parser of '{output}' is {table!r:.60}; give a table.")
    kinds = [k for k in _KINDS if k in table]
    if len(kinds) != 1:
        one = "one of regex, json and csv"
        raise InputError(f"The output '{output}' needs {one}, not {kinds or 'none'}.")
    options = {k: v for k, v in table.items() if k != kinds[0]}
    with located(f"The output '{output}'"):
        return _KINDS[kinds[0]](table[kinds[0]], **options)


def _number(value: Any, file: str) -> float:
    if isinstance(value, bool) or value is None:
        raise RunFailedError(f"{file} holds {value!r} where a number is needed.")
    try:
        return float(_FORTRAN.sub("e", value.strip()) if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise RunFailedError(f"{file} holds {value!r:.60} where a number is needed.") from error


_PYTHON = re.compile(r"(?:python|pypy)[\d.]*w?(?:\.exe)?")
# options of one letter, of which the last takes what follows
_OPTION = re.compile(r"-(?P<plain>[bBdEhiIOPqRsSuvVx?]*)(?P<letter>[cmWX])(?P<value>.*)", re.DOTALL)
# seconds in which an interpreter prints its path; it takes 0.02 to 0.1 on a local disk
_LONGEST_START = 10.0
# names and values of environment variables
Variables: TypeAlias = tuple[tuple[str, str], ...]
# stands for the content of what is too large to be followed
TOO_LARGE = "not followed"


def _parse_call(argv: Sequence[str]) -> tuple[str, tuple[str, ...], str, str]:
    """A Python among the words of a command (a launcher may stand before it), and what it runs.

    Returns
    -------
    tuple
        Its path, its options, one of ``-c``, ``-m``, ``-`` and ``script``, and the code, module or
        path. All empty where there is no Python.
    """
    start = next((i for i, a in enumerate(argv) if _PYTHON.fullmatch(Path(a).name)), None)
    program = None if start is None else shutil.which(argv[start])
    if start is None or program is None:
        return "", (), "", ""
    flags: list[str] = []
    words = list(argv[start + 1 :])
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        option = _OPTION.fullmatch(word)
        if option is None:
            flags += [word, *(words[:1] if word == "--check-hash-based-pycs" else [])]
            words = words[1:] if word == "--check-hash-based-pycs" else words
            continue
        value = option["value"] or (words.pop(0) if words else "")
        plain = [f"-{option['plain']}"] if option["plain"] else []
        if option["letter"] in "cm":
            return program, (*flags, *plain), f"-{option['letter']}", value
        flags += [*plain, f"-{option['letter']}", value]
    if not words or words[0] == "-":
        return program, tuple(flags), "-", ""
    return program, tuple(flags), "script", words[0]


def _module_code(
    module: str, folders: Sequence[Path], kernel: str
) -> tuple[list[tuple[str, str]], Digests]:
    """Code that ``-m`` starts with the package it belongs to, and content hashes of its files."""
    # of a module that is no package the search ends with itself
    files = files_of(f"{module}.__main__", folders)
    digests = {f"module {n}": file_digest(f) for n, f in files}
    if files and is_installed(files[0][1].parent):
        home = files[0][1].parent
        if home.name in ("site-packages", "dist-packages") or files[0][1].stem != "__init__":
            return [], digests
        whole = folder_digest(home) or _too_large(f"the module '{module}'", kernel)
        return [], {f"module {files[0][0]}": whole}
    code = [(n, f) for n, f in files if f.suffix == ".py"]
    return [
        (_text(f), n if f.stem == "__init__" else n.rpartition(".")[0]) for n, f in code
    ], digests


def _search_path(program: str, flags: tuple[str, ...], environment: dict[str, str]) -> list[Path]:
    """Folders that a Python takes modules from; without one, those of ``PYTHONPATH``."""
    variables = {**os.environ, **environment}
    settings = tuple(sorted((k, v) for k, v in variables.items() if k.startswith("PYTHON")))
    folders = _printed_path(program, file_digest(program), flags, settings) if program else None
    if folders is None:
        folders = tuple(variables.get("PYTHONPATH", "").split(os.pathsep))
    return [Path(p) for p in folders if os.path.isabs(p)]


@lru_cache(maxsize=64)
def _printed_path(
    program: str, content: str | None, flags: tuple[str, ...], variables: Variables
) -> tuple[str, ...] | None:
    """Import path of a Python under these options and variables; None if it fails."""
    command = [program, *flags, "-c", "import sys; print('\\0'.join(sys.path))"]
    environment = {**os.environ, **dict(variables)}
    text = text_printed(command, _LONGEST_START, env=environment, cwd=os.sep)
    return None if text is None else tuple(text.strip().split("\0"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _holds_runs(folder: str) -> bool:
    """Whether a folder is the system's place for temporary files, or holds it."""
    place, temporary = Path(os.path.realpath(folder)), Path(os.path.realpath(tempfile.gettempdir()))
    return place == temporary or place in temporary.parents


@lru_cache(maxsize=256)
def _too_large(what: str, kernel: str) -> str:
    """Say once that something is not followed."""
    many = f"it has more than {MOST_FILES} files or {MOST_BYTES / 1e6:g} MB"
    fault = f"The key of the runs of '{kernel}' does not cover {what}"
    warn_all([f"{fault}: {many}; give another version when it changes."])
    return TOO_LARGE


def beside(arguments: Sequence[str], written: Sequence[str], home: Path | None) -> str:
    """Hint on arguments that name a file outside the folder of the program; else empty.

    Programs run in a folder of their own, in which files beside the kernel are not.
    """
    start = Path() if home is None else home
    for argument in arguments:
        plain = "{{" not in argument and argument not in written and not os.path.isabs(argument)
        if plain and argument and os.path.isfile(start / argument):
            where = "its full path" if home is None else f"{{{{home}}}}/{argument}"
            what = f" '{argument}' is not in the folder that the program runs in"
            return f"{what}; if that is what it misses, write {where}."
    return ""


_PARSING = ("regex", "json", "csv", "file", "first", "row", "delimiter", "error")


@checked(frozen=False, eq=False, repr=False)
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
        :class:`Regex`, :class:`Json` and :class:`Csv`.
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

    argv: Annotated[Sequence[Annotated[Any, AfterValidator(_argument)]], Field(min_length=1)]
    inputs: Any
    outputs: Any
    _: KW_ONLY
    files: Mapping[str, Any] | None = None
    stdin: Any = None
    tiers: Any = None
    timeout: Positive = 3600.0
    environment: Mapping[Name, Plain] | None = None
    name: Any = "command"
    version: Any = "1"
    folder: str | Path | None = None
    keep: Literal["failures", "always", "never"] = "failures"
    home: str | Path | None = None
    writes: Sequence[Plain] = ()
    most_printed: Positive = MOST_PRINTED
    most_written: Positive = MOST_WRITTEN

    def __post_init__(self) -> None:
        """Read the declarations and the fields."""
        if self.folder is not None and not os.access(self.folder, os.W_OK | os.X_OK):
            fault = f"for the runs of '{self.name}' is absent or cannot be written to"
            raise InputError(f"The folder '{self.folder}' {fault}; make it, or name another.")
        name = str(self.name)
        inputs = ports_of(self.inputs, name)
        outputs, self._parsers, self._error_parsers = _declared(self.outputs, name)
        self._declare(name, str(self.version), inputs, outputs, self.tiers)
        # a Path: no label that a user gives
        self._home = None if self.home is None else Path(self.home).absolute()
        self._asked, *arguments = map(str, self.argv)
        self._executable = _executable(self._asked, self._home)
        self._writes = [_written(w, name, self._home) for w in self.writes]
        self._arguments = [
            Template(a, f"argument {i} of '{name}'") for i, a in enumerate(arguments, 1)
        ]
        self._files = {n: _file_template(n, text) for n, text in (self.files or {}).items()}
        self._stdin = None if self.stdin is None else Template(self.stdin, f"the input of '{name}'")
        self._environment = dict(self.environment or {})
        fields = frozenset().union(*(t.fields for t in self._templates()))
        self.stochastic = "seed" in fields
        self._check_fields(fields)

    def _templates(self) -> list[Template]:
        return [*self._arguments, *self._files.values(), *([self._stdin] if self._stdin else [])]

    def _check_fields(self, fields: frozenset[str]) -> None:
        inputs = {p.name for p in self.inputs}
        if inputs & {"seed", "home"}:
            fault = "'seed' and 'home' are reserved fields"
            raise InputError(f"{fault}; rename the input of '{self.name}'.")
        common = set.intersection(*(set(t.settings) for t in self.tiers))
        settings = {f"tier.{s}" for s in common}
        more = {"seed"} if self._home is None else {"seed", "home"}
        odd = sorted(fields - inputs - settings - more)
        if odd:
            names = ", ".join(sorted(inputs | settings | more))
            fault = "names no input, no setting of every tier and no seed"
            raise InputError(f"The field '{odd[0]}' of '{self.name}' {fault}; there are {names}.")
        unused = sorted(inputs - fields)
        if unused:
            fault = f"The input '{unused[0]}' of '{self.name}' stands in no field"
            remedy = f"write {{{{{unused[0]}}}}} where the program reads it, or leave it out"
            raise InputError(f"{fault}; {remedy}.")

    def _configuration(self) -> Mapping[str, Any]:
        return {
            "argv": [self._asked, *(t.text for t in self._arguments)],
            "files": {n: t.text for n, t in self._files.items()},
            "stdin": self._stdin.text if self._stdin else None,
            "environment": self._environment,
            "parsers": {n: repr(p) for n, p in self._parsers.items()},
            "error parsers": {n: repr(p) for n, p in self._error_parsers.items()},
        }

    def _program(self, values: Values, settings: Settings, seed: int | None) -> Digests:
        """Content hashes by path or module, those at home by ``{{home}}``.

        ``argv[0]``; each file and folder that an argument or a written file names by its full
        path, what the program writes and folders of runs apart; and, where the command is Python,
        the module that ``-m`` names and the user's own modules that its code imports.
        """
        argv, texts, stdin = self._command(values, settings, seed)
        named = {f for a in argv[1:] for f in paths_named(a, whole=True)}
        named |= {f for text in texts.values() for f in paths_named(text)}
        named = {n for n in named if not any(Path(n).is_relative_to(w) for w in self._writes)}
        digests = {"argv[0]": file_digest(shutil.which(argv[0]) or "")}
        for path in sorted(named):
            if os.path.isfile(path):
                digests[path] = file_digest(path)
            elif not _holds_runs(path):
                digests[path] = folder_digest(Path(path), [*self._writes, *self._runs()]) or (
                    _too_large(f"the folder '{path}'", self.name)
                )
        digests |= self._modules(argv, texts, stdin or "")
        home = str(self._home)
        return {
            n.replace(home, "{{home}}", 1) if Path(n).is_relative_to(home) else n: digest
            for n, digest in digests.items()
        }

    def _modules(self, argv: Sequence[str], texts: Mapping[str, str], stdin: str) -> Digests:
        """Content hashes of the Python modules that a command runs, by name."""
        program, flags, how, what = _parse_call(argv)
        named = [Path(a) for a in argv[1:] if a.endswith(".py") and os.path.isabs(a)]
        sources = [(_text(p), "") for p in named if p.is_file()]
        sources += [(text, "") for name, text in texts.items() if name.endswith(".py")]
        if not program and not sources:
            return {}
        folders = [p.parent for p in named]
        sources += [(what, "")] if how == "-c" else []
        sources += [(stdin, "")] if how == "-" else []
        if how == "script" and Path(what).is_absolute() and Path(what).is_dir():
            folders.append(Path(what))
            sources.append((_text(Path(what, "__main__.py")), ""))
        folders += _search_path(program, flags, self._environment)
        digests: Digests = {}
        if how == "-m":
            started, digests = _module_code(what, folders, self.name)
            sources += started
        modules = user_modules(sources, folders)
        if modules is None:
            return digests | {"modules": _too_large("what its Python code imports", self.name)}
        return digests | {f"module {n}": file_digest(f) for n, f in modules.items()}

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

    def _command(
        self, values: Values, settings: Settings, seed: int | None
    ) -> tuple[list[str], dict[str, str], str | None]:
        """The program and its arguments, files by name, and standard input, their fields filled."""
        filled = {**values, **{f"tier.{s}": v for s, v in settings.items()}}
        filled |= {"seed": seed, "home": self._home}
        argv = [self._executable, *(t.fill(filled) for t in self._arguments)]
        texts = {n: t.fill(filled) for n, t in self._files.items()}
        stdin = self._stdin.fill(filled) if self._stdin else None
        return argv, texts, stdin

    def _simulate(self, values: Values, settings: Settings, seed: int | None) -> Simulated:
        if self.stochastic and seed is None:
            raise RunRefusedError(f"'{self.name}' draws random numbers; give a seed.")
        argv, texts, stdin = self._command(values, settings, seed)
        limits = attributes(self, "timeout most_printed most_written")
        folder, kept = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self.folder)), False
        try:
            for name, text in texts.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
            run_program(argv, folder, stdin=stdin, environment=self._environment, **limits)
            outputs = {n: self._parsed(p, n, folder) for n, p in self._parsers.items()}
            errors = {n: self._parsed(p, n, folder) for n, p in self._error_parsers.items()}
            kept = self.keep == "always"
        except RunFailedError as error:
            kept, plain = self.keep != "never", [t.text for t in self._arguments]
            message = f"{error}{beside(plain, list(self._files), self._home)}"
            place = {"folder": str(folder)} if kept else {}
            raise RunFailedError(message, {**error.provenance, **place}) from error
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)
        return Simulated(outputs, errors, {"folder": str(folder)} if kept else {})

    def _parsed(self, parser: Parser, output: str, folder: Path) -> float:
        """Number of an output; where it is missing, what the program said last about an error."""
        path = folder / (PRINTED if parser.file == STDOUT else parser.file)
        try:
            if path.stat().st_size > self.most_printed:
                fault = f"holds more than {self.most_printed:.3g} bytes, too many to read"
                remedy = "make the program write less, or raise most_printed"
                raise RunFailedError(f"{parser.file} {fault}; {remedy}.")
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError as error:
            fault = f"The program has not written {parser.file}, where '{output}' should be"
            raise RunFailedError(f"{fault}{last_words(folder, errors_only=True)}.") from error
        try:
            return parser.parse(text)
        except RunFailedError as error:
            message = str(error).rstrip(".")
            raise RunFailedError(f"{message}{last_words(folder, errors_only=True)}.") from error


def _declared(
    outputs: Mapping[str, Any], kernel: str
) -> tuple[dict[str, Any], dict[str, Parser], dict[str, Parser]]:
    """Ports of outputs, and the parsers of the outputs and of their errors."""
    ports, parsers, errors = {}, {}, {}
    for name, table in outputs.items():
        if not isinstance(table, Mapping):
            remedy = "give a table with a unit and one of regex, json and csv"
            raise InputError(f"The output '{name}' of '{kernel}' is {table!r:.60}; {remedy}.")
        parsing = {k: v for k, v in table.items() if k in _PARSING and k != "error"}
        ports[name] = {k: v for k, v in table.items() if k not in _PARSING}
        parsers[name] = parser_of(parsing, name)
        if "error" in table:
            errors[name] = parser_of(table["error"], name)
    return ports, parsers, errors


def _from_home(path: str, what: str, home: Path | None) -> str:
    """A path whose only field is ``{{home}}``, filled."""
    template = Template(path, what)
    if template.fields and (home is None or template.fields != {"home"}):
        only = "only {{home}} may stand there, in a file of a kernel. Fields are for arguments"
        raise InputError(f"'{path}', {what}, holds a field; {only}.")
    return template.fill({"home": home})


def _executable(first: str, home: Path | None) -> str:
    """The program as it is started; a relative path starts at home."""
    path = Path(_from_home(first, "the program", home))
    return first if path.name == first else str((home or Path()).absolute() / path)


def _written(path: str, kernel: str, home: Path | None) -> str:
    """Full path of what runs write."""
    full = _from_home(path, f"one of the writes of '{kernel}'", home)
    if not os.path.isabs(full):
        why = "what the program writes into its own folder never enters the key"
        fault = f"'{path}' in writes of '{kernel}' is not a full path"
        raise InputError(f"{fault}; leave it out: {why}.")
    return os.path.normpath(full)


def _file_template(name: str, text: str | Path) -> Template:
    _inside(name)
    if name in STREAM_FILES:
        raise InputError(f"The file '{name}' is written by the kernel itself; choose another name.")
    if isinstance(text, Path):
        try:
            text = text.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The template '{text}' cannot be read ({error}).") from error
    return Template(text, name)


_KEYS = tuple(f.name for f in fields(CommandKernel) if f.name != "home")


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
            remedy = did_you_mean(key, _KEYS, f"use {', '.join(_KEYS)}, templates.")
            raise InputError(f"{file.name}, {key}: there is no such key; {remedy}")
    home = file.resolve().parent
    files = validated(dict[str, Any], document.pop("files", {}), f"{file.name}, files: ")
    templates = document.pop("templates", {})
    read = validated(dict[str, str], templates, f"{file.name}, templates: ")
    files |= {name: home / text for name, text in read.items()}
    with located(file.name):
        return CommandKernel(**{"name": file.stem, **document}, files=files, home=home)
