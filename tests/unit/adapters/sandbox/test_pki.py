"""What the certificates say, and how the files lie."""

from __future__ import annotations

import datetime as dt
import ipaddress
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from allotment.adapters.sandbox.pki import LEAVES, make_pki, write_pki

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return make_pki(NOW)


def certificate(files: dict[str, bytes], name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files[f"{name}.crt"])


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_leaf_is_signed_by_the_authority_and_fits_its_key(files: dict[str, bytes], name: str) -> None:
    leaf = certificate(files, name)
    leaf.verify_directly_issued_by(certificate(files, "ca"))
    key = serialization.load_pem_private_key(files[f"{name}.key"], None)
    assert key.public_key() == leaf.public_key()
    assert leaf.not_valid_before_utc < NOW < leaf.not_valid_after_utc


@pytest.mark.parametrize(
    ("name", "user", "groups"),
    [
        ("admin", "admin", {"system:masters"}),
        ("kube-controller-manager", "system:kube-controller-manager", set()),
        ("kube-scheduler", "system:kube-scheduler", set()),
        ("front-proxy", "front-proxy-client", set()),
        (
            "kueue",
            "system:serviceaccount:kueue-system:kueue-controller-manager",
            {"system:serviceaccounts", "system:serviceaccounts:kueue-system"},
        ),
        (
            "lws",
            "system:serviceaccount:lws-system:lws-controller-manager",
            {"system:serviceaccounts", "system:serviceaccounts:lws-system"},
        ),
    ],
)
def test_identity_of_clients(files: dict[str, bytes], name: str, user: str, groups: set[str]) -> None:
    subject = certificate(files, name).subject
    assert [each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [user]
    assert {each.value for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)} == groups


def test_api_server_is_valid_for_loopback_and_its_cluster_names(files: dict[str, bytes]) -> None:
    names = certificate(files, "kube-apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {
        "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
    }  # fmt: skip
    assert ipaddress.ip_address("127.0.0.1") in names.get_values_for_type(x509.IPAddress)


def test_a_webhook_is_valid_for_its_service_alone(files: dict[str, bytes]) -> None:
    leaf = certificate(files, "jobset-webhook")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["jobset-webhook-service.jobset-system.svc"]


def test_usages_and_roles(files: dict[str, bytes]) -> None:
    def usages(name: str) -> set[x509.ObjectIdentifier]:
        return set(certificate(files, name).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)

    assert usages("kube-apiserver") == {ExtendedKeyUsageOID.SERVER_AUTH}
    assert usages("admin") == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert usages("etcd") == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    may_sign = {
        name: certificate(files, name).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        for name in ("ca", *LEAVES)
    }
    assert [name for name, ca in may_sign.items() if ca] == ["ca"]


def test_the_authoritys_key_is_not_kept(files: dict[str, bytes]) -> None:
    assert "ca.key" not in files


def test_files_are_private_and_written_once(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    write_pki(folder, NOW)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    write_pki(folder, NOW)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_crash_half_way_is_made_good(tmp_path: Path) -> None:
    half = tmp_path / ".pki.partial"
    half.mkdir()
    (half / "admin.key").write_text("half a key")
    write_pki(tmp_path / "pki", NOW)
    assert not half.exists()
    assert len(list((tmp_path / "pki").iterdir())) == 2 * len(LEAVES) + 3


def test_a_folder_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    write_pki(folder, NOW)
    authority = (folder / "ca.crt").read_bytes()
    (folder / "jobset-webhook.crt").unlink()
    write_pki(folder, NOW)
    assert (folder / "jobset-webhook.crt").exists()
    assert (folder / "ca.crt").read_bytes() != authority
