"""Fields: what is written is what was meant, and nothing more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError, RunRefusedError
from dimgs.kernels.command import Template

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(numbers, st.text(st.characters(exclude_characters="{}"), max_size=20))
def test_numbers_without_format_keep_every_digit(number: float, around: str) -> None:
    filled = Template(f"{around}{{{{x}}}}", "a.txt").fill({"x": number})
    assert filled.startswith(around)
    assert float(filled.removeprefix(around)) == number


@given(numbers, st.sampled_from([".3e", ".17g", "12.4f", "+g"]))
def test_formats_are_those_of_python(number: float, spec: str) -> None:
    assert Template(f"{{{{x:{spec}}}}}", "a").fill({"x": number}) == format(number, spec)


@given(st.text(max_size=12))
def test_labels_are_words_or_refused(label: str) -> None:
    try:
        filled = Template("{{kind}}", "a").fill({"kind": label})
    except RunRefusedError:
        return
    assert filled == label
    assert not set(label) & set("\n\r\0`$;&|<>\\'\"*?!#~^{}[]")
    assert not label.startswith("-")


@pytest.mark.parametrize(
    "label", ["a\nread /etc/passwd", "$(reboot)", "`id`", "a;b", "-rf", "../x", "a'b", '"', "{{D}}"]
)
def test_labels_that_could_be_more_are_refused(label: str) -> None:
    with pytest.raises(RunRefusedError, match="cannot be passed to a program"):
        Template("{{kind}}", "a").fill({"kind": label})


@pytest.mark.parametrize("label", ["PET/water", "2.5 % EVOH", "poly(ethylene)", "T_g", "naïf"])
def test_usual_labels_pass(label: str) -> None:
    assert Template("{{kind}}", "a").fill({"kind": label}) == label


@pytest.mark.parametrize(
    "text", ["{{x", "{{ x + 1 }}", "{{x.__class__.y}}", "{{0}}", "{{}}", "{{x!r}}", "{{x:{w}}}"]
)
def test_fields_that_cannot_be_read_are_said(text: str) -> None:
    with pytest.raises(InputError, match=r"in in\.txt cannot be read"):
        Template(f"first line\n{text}", "in.txt")


def test_formats_that_cannot_be_read_are_said() -> None:
    with pytest.raises(
        InputError, match=r"'6.q' of the field 'x' in in\.txt is not one of Python's"
    ):
        Template("{{x:6.q}}", "in.txt")


def test_whole_numbers() -> None:
    assert Template("{{n:04d}}", "a").fill({"n": 12.0}) == "0012"
    with pytest.raises(RunRefusedError, match=r"'n' = 12\.5 must be a whole number"):
        Template("{{n:d}}", "a").fill({"n": 12.5})


def test_a_label_does_not_suit_the_format_of_a_number() -> None:
    with pytest.raises(RunRefusedError, match=r"cannot be written as '\.3e'"):
        Template("{{kind:.3e}}", "a").fill({"kind": "film"})


def test_other_braces_stay() -> None:
    text = "dict = {a: {b}} ${var} } }}"
    assert Template(text, "a").fill({}) == text


def test_no_field_is_wider_than_the_memory() -> None:
    with pytest.raises(InputError, match="'999999999f' of the field 'a'"):
        Template("{{a:999999999f}}", "in.txt")
    with pytest.raises(InputError, match=r"in\.txt is 3; give a text"):
        Template(3, "in.txt")  # type: ignore[arg-type]
