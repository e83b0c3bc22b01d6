"""Sphinx configuration: `python -m sphinx -W --keep-going docs OUTPUT` builds the pages."""

import logging
import sys
from pathlib import Path
from typing import Any

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))
from commands_page import commands_markdown

import dimgs
from dimgs.law.latex import mathml

# searches of the notebooks tell what they find
logging.getLogger("dimgs").setLevel(logging.WARNING)
project = "dimgs"
author = "The dimgs developers"
release = dimgs.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_templates", "notebooks", "generated/notebooks/*.ipynb"]
sphinx_gallery_conf = {
    "examples_dirs": "notebooks",
    "gallery_dirs": "generated/notebooks",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "remove_config_comments": True,
}
# what stands before the code of a session is not copied
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
templates_path = ["_templates"]
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {
    "exclude-members": "set_fit_request, set_score_request, set_partial_fit_request, "
    "set_predict_request, set_transform_request, get_metadata_routing"
}
# Attribute names such as n_runs belong to several classes; plain words in docstrings are not links.
suppress_warnings = ["ref.python"]
napoleon_google_docstring = False
napoleon_use_rtype = False
html_theme = "furo"
html_title = f"dimgs {release}"
html_show_copyright = False
html_static_path = ["_static"]
html_js_files = ["accessible.js"]
html_math_renderer = "mathml"


def setup(app: Any) -> None:
    """The page of the commands, and formulas as MathML: the pages need no network."""

    def formula(writer: Any, node: Any) -> None:
        display = isinstance(node, nodes.math_block)
        text = mathml(node.astext(), display=display)
        writer.body.append(f'<div class="math">{text}</div>' if display else text)
        raise nodes.SkipNode

    # among the pages that are made anew for every build
    made = Path(__file__).parent / "generated"
    made.mkdir(exist_ok=True)
    (made / "commands.md").write_text(commands_markdown(), "utf-8")
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
