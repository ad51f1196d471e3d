"""schemathesis asks the served API what its description promises: no answer is a fault of the server, none is outside of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.app_process import AppProcess
from tests.browser import gallery

SECONDS = 40
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_the_served_api_keeps_what_its_description_says(tmp_path: Path) -> None:
    sessions = gallery.fill(tmp_path / "data", tmp_path / "repos")
    # Things that are there, so that it gets beyond "there is no such session".
    known = {"session_id": sessions["failed"], "task": "t1", "key": "t1"}
    (tmp_path / "schemathesis.toml").write_text(
        "[parameters]\n" + "".join(f'"path.{name}" = {json.dumps(value)}\n' for name, value in known.items())
    )
    with AppProcess(tmp_path / "data", MAESTRO_ASSISTANT="demo") as app:
        arguments = (
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{app.origin}/api/openapi.json",
            "--url", f"{app.origin}/api", "--header", f"Authorization: Bearer {app.token}", "--checks", CHECKS,
            "--phases", "coverage,fuzzing", "--max-examples", "10", "--max-time", str(SECONDS),
            "--generation-deterministic", "--no-color", "--warnings", "off",
        )  # fmt: skip
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        assert "passed" in done.stdout
        with app.client() as api:
            assert api.get("/api/health").status_code == 200
    log = (tmp_path / "data/logs/maestro.log").read_text()
    assert "Traceback" not in log, log[-5000:]
