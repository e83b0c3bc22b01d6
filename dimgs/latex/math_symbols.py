"""Commands of mathematics that stand for a character, a name or a space."""

_GREEK = (
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι "
    "kappa κ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ "
    "upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π "
    "Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω"
)
_NAMES = "ln log exp sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan min max ker"
LETTERS = dict(zip(_GREEK.split()[::2], _GREEK.split()[1::2], strict=True)) | {
    "hbar": "ℏ",
    "ell": "ℓ",
    "infty": "∞",
    "circ": "∘",
}
OPERATORS = {
    "times": "×",
    "cdot": "⋅",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "neq": "≠",
    "ne": "≠",
    "pm": "±",
    "wedge": "∧",
    "land": "∧",
    "vee": "∨",
    "lor": "∨",
    "neg": "¬",
    "sim": "∼",
    "approx": "≈",
    "backslash": "\\",
    "surd": "√",
    "perp": "⊥",
    "parallel": "∥",
    "propto": "∝",
    "equiv": "≡",
    "cdots": "⋯",
    "dots": "…",
    "ldots": "…",
    "star": "⋆",
    "lt": "<",
    "gt": ">",
    "sum": "∑",
    "prod": "∏",
    "partial": "∂",
    "cap": "∩",
    "to": "→",
    "lvert": "|",
    "rvert": "|",
}
DOUBLE = dict(zip("ZQRNC", "ℤℚℝℕℂ", strict=True))
FUNCTIONS = frozenset(_NAMES.split())
SPACES = {
    ",": "0.17em",
    ":": "0.22em",
    ";": "0.28em",
    " ": "0.33em",
    "quad": "1em",
    "qquad": "2em",
    "!": "0em",
}
