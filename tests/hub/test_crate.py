"""Bundles against the validator of the RO-Crate community, a program of its own."""

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from dimgs.hub import Hub
from dimgs.hub.acts import naming
from tests.hub.test_hub import QUESTION, run

VALIDATOR = shutil.which("rocrate-validator")
# the validator reads the context from the net or from its cache: here, that of the library
CACHE = """
import io, sys
from pathlib import Path
import requests, requests_cache, urllib3

class Local(requests.adapters.BaseAdapter):
    def send(self, request, **_):
        headers = {"Content-Type": "application/ld+json"}
        answer = requests.Response()
        answer.status_code, answer.reason = 200, "OK"
        answer.url, answer.request = request.url, request
        answer.headers.update(headers)
        body = io.BytesIO(Path(sys.argv[1]).read_bytes())
        answer.raw = urllib3.HTTPResponse(body, headers, 200, preload_content=False)
        return answer

    def close(self):
        pass

session = requests_cache.CachedSession(sys.argv[2], expire_after=-1)
session.mount("https://", Local())
session.get("https://w3id.org/ro/crate/1.1/context")
"""


@pytest.mark.slow
@pytest.mark.skipif(
    VALIDATOR is None,
    reason="install roc-validator in an environment of its own, and put it on PATH",
)
def test_a_bundle_is_a_valid_crate(tmp_path: Path) -> None:
    assert VALIDATOR is not None
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub:
        hub.add(naming(QUESTION, {"notes.txt": b"Of the film."}))
        hub.put_file(b"Of the film.")
        hub.add_runs([run(f"s {k}", 1.0 + k) for k in range(5)])
        hub.export(tmp_path / "bundle")
    assert list((tmp_path / "bundle").glob("**/*.parquet"))
    context = files("rocrate") / "data" / "ro-crate.jsonld"
    python = Path(VALIDATOR).resolve().with_name("python")
    seed = [str(python), "-c", CACHE, str(context), str(tmp_path / "cache")]
    subprocess.run(seed, check=True)
    check = [VALIDATOR, "-y", "validate", "--offline", "--no-paging", "-p", "ro-crate-1.1"]
    check += ["--cache-path", str(tmp_path / "cache"), str(tmp_path / "bundle")]
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    (tmp_path / "bundle" / "ro-crate-metadata.json").write_text('{"@graph": []}', encoding="utf-8")
    assert subprocess.run(check, check=False, capture_output=True).returncode != 0
