"""The command that shows the proof secret of a source."""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import Path

from click.testing import CliRunner

from sevenfold.cli import main
from sevenfold.server.inapp import proof_of, proof_secret
from sevenfold.server.secrets import SecretBox


def test_the_secret_that_is_shown_makes_proofs_as_the_guide_says(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["proof-secret", "web", "--data", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    secret = shown.output.strip()
    assert secret == proof_secret(SecretBox.of_folder(tmp_path), "web")
    assert proof_of(secret, "u_17") == hmac.new(secret.encode(), b"u_17", sha256).hexdigest()
    other = CliRunner().invoke(main, ["proof-secret", "app", "--data", str(tmp_path), "--json"])
    assert secret not in other.output and '"source": "app"' in other.output
