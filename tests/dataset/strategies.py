"""Random tables and random damage to them."""

from hypothesis import strategies as st

from dimgs.dataset import Dataset

UNITS = [
    *("m/s", "mm", "km/h", "kg/m^3", "Pa·s", "degC", "degF", "K", "1", "%", "dB", "pH"),
    *("MPa·√m", "deg", "mol/L", "delta_degC", "1e19/m^3"),
]
JUNK = [
    *(b'"', b",", b"\n", b";", b"\t", b"#", b"inf", b"nan", b"[", b"]", b"\xff", b"\0", b"1e999"),
    *(b"3 mm", b"1,5", b"\r", b"-", b"**", b"^", b"9**9**9**9", b"\xef\xbb\xbf", b"%", b"e"),
]
NUMBERS = st.floats(min_value=-100, max_value=1e9, allow_nan=False) | st.sampled_from(
    [0.0, 1.0, 20.1, -40.0, 1e-7, 1e308 / 1e20, float("nan")]
)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8
).filter(lambda n: not n.endswith("_err") and not set(n) & set("[]\ufeff"))
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=6)


@st.composite
def datasets(draw: st.DrawFn, *, simple: bool = False) -> Dataset:
    # in text, a line that starts with # is a comment; in a workbook, = starts a formula
    plain = NAMES.filter(lambda n: not (simple and n.startswith(("#", "="))))
    names = draw(st.lists(plain, min_size=1, max_size=4, unique=True))
    n_runs = draw(st.integers(1, 6))
    columns: dict[str, object] = {}
    for i, name in enumerate(names):
        if i and draw(st.booleans()):
            words = st.sampled_from(["steel", "Al", "x"]) if simple else WORDS
            columns[f"{name} [label]"] = draw(st.lists(words, min_size=n_runs, max_size=n_runs))
            continue
        unit = draw(st.sampled_from(UNITS))
        columns[f"{name} [{unit}]"] = draw(st.lists(NUMBERS, min_size=n_runs, max_size=n_runs))
        if draw(st.booleans()):
            errors = st.lists(NUMBERS.map(abs), min_size=n_runs, max_size=n_runs)
            columns[f"{name}_err [{unit}]"] = draw(errors)
    return Dataset.from_columns(columns)


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(raw)))
        length = draw(st.integers(0, 3))
        junk = draw(st.binary(max_size=3) | st.sampled_from(JUNK))
        raw = raw[:position] + junk + raw[position + length :]
    return raw
