"""Certificates for tests, made by the openssl command when they run: none is ever committed."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest


class Authority:
    """Who signs certificates; `certificate` is what those who trust it are given."""

    def __init__(self, folder: Path, name: str = "segue-test") -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.key, self.certificate = self.folder / "ca.key", self.folder / "ca.pem"
        _openssl(
            "req", "-x509", *_NEW_KEY, "-keyout", self.key, "-out", self.certificate,
            "-subj", f"/CN={name}", "-days", "2",
        )  # fmt: skip

    def issue(self, name: str, san: str = "IP:127.0.0.1,DNS:localhost", *, days: int = 1) -> Path:
        """A key and its certificate, in one PEM file; days below 0: it has expired by then."""
        key, request, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName={san}")
        _openssl("req", "-new", *_NEW_KEY, "-keyout", key, "-out", request, *subject)
        begins, ends = (
            f"{datetime.now(UTC) + timedelta(days=offset):%Y%m%d%H%M%SZ}"
            for offset in (min(days, 0) - 1, days)
        )
        _openssl(
            "ca", "-batch", "-notext", "-config", self._config, "-in", request, "-out", made,
            "-startdate", begins, "-enddate", ends,
        )  # fmt: skip
        both = self.folder / f"{name}.pem"
        both.write_text(key.read_text() + made.read_text())
        return both

    @cached_property
    def _config(self) -> Path:
        """What `openssl ca` needs, which alone can date a certificate into the past."""
        (self.folder / "index").touch()
        config = self.folder / "ca.cnf"
        config.write_text(
            f"[ca]\ndefault_ca = here\n[here]\ndatabase = {self.folder}/index\n"
            f"new_certs_dir = {self.folder}\nrand_serial = yes\ndefault_md = sha256\n"
            f"private_key = {self.key}\ncertificate = {self.certificate}\npolicy = any\n"
            "copy_extensions = copy\nunique_subject = no\n[any]\ncommonName = supplied\n"
        )
        return config


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments: object) -> None:
    try:
        subprocess.run(
            ["openssl", *map(str, arguments)],
            check=True, capture_output=True, timeout=30, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        reason = "needs the openssl command to make certificates"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    except subprocess.CalledProcessError as err:
        raise AssertionError(err.stderr) from err
