"""The sandbox's keys and certificates: one authority, one leaf for each party."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from allotment.adapters.sandbox.extensions import CONTROLLERS

LIFETIME: Final = dt.timedelta(days=3650)
_BACKDATED: Final = dt.timedelta(minutes=5)
_CLIENT: Final = (ExtendedKeyUsageOID.CLIENT_AUTH,)
_SERVER: Final = (ExtendedKeyUsageOID.SERVER_AUTH,)
_BOTH: Final = (*_CLIENT, *_SERVER)

SERVER_NAMES: Final = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
SERVICE_ACCOUNT_KEY: Final = "service-account"
AUTHORITY: Final = "ca"
KUEUE_NAMESPACE: Final = "kueue-system"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One certificate to be made.

    Attributes:
        common_name: the user name, where it is a client certificate.
        groups: organisations: the user's groups.
        usages: client, server, or both (etcd dials itself with its server certificate).
        hosts: names that a server is called by.
    """

    common_name: str
    groups: tuple[str, ...] = ()
    usages: tuple[ObjectIdentifier, ...] = _CLIENT
    hosts: tuple[str, ...] = SERVER_NAMES


def _service_account(namespace: str, name: str) -> Leaf:
    """A controller acts as its own service account, so that the RBAC of its manifests is in force."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return Leaf(f"system:serviceaccount:{namespace}:{name}", groups)


LEAVES: Final[Mapping[str, Leaf]] = {
    "kube-apiserver": Leaf("kube-apiserver", usages=_SERVER),
    "etcd": Leaf("etcd", usages=_BOTH),
    "etcd-client": Leaf("kube-apiserver-etcd-client"),
    "front-proxy": Leaf("front-proxy-client"),
    "admin": Leaf("admin", ("system:masters",)),
    "kube-controller-manager": Leaf("system:kube-controller-manager", usages=_BOTH),
    "kube-scheduler": Leaf("system:kube-scheduler", usages=_BOTH),
    "kwok": Leaf("kwok", ("system:masters",)),
    "kueue": _service_account(KUEUE_NAMESPACE, "kueue-controller-manager"),
    **{each.name: _service_account(each.namespace, each.service_account) for each in CONTROLLERS},
    **{
        each.webhook: Leaf(each.webhook, usages=_SERVER, hosts=(f"{each.webhook_service}.{each.namespace}.svc",))
        for each in CONTROLLERS
    },
}


def write_pki(folder: Path, now: dt.datetime) -> None:
    """Make all keys and certificates, once; a folder that has them all stays.

    The folder appears by a rename after everything in it is written, so a crash leaves none or all of it. One that an
    earlier version made, with fewer, is made anew as a whole: the authority's own key is not kept.

    Args:
        folder: will hold NAME.crt, NAME.key (0600) and service-account.pub.
        now: start of validity.
    """
    if all((folder / f"{name}.crt").is_file() for name in LEAVES):
        return
    shutil.rmtree(folder, ignore_errors=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    for name, content in make_pki(now).items():
        _write(partial / name, content)
    partial.rename(folder)


def make_pki(now: dt.datetime) -> dict[str, bytes]:
    """File content by file name; see `write_pki`."""
    files: dict[str, bytes] = {}
    authority_key = _key()
    authority_name = _name("allotment-sandbox", ())
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    files[f"{AUTHORITY}.crt"] = authority.public_bytes(serialization.Encoding.PEM)
    for name, leaf in LEAVES.items():
        key = _key()
        builder = (
            _builder(_name(leaf.common_name, leaf.groups), authority_name, key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(list(leaf.usages)), critical=False)
        )
        if ExtendedKeyUsageOID.SERVER_AUTH in leaf.usages:
            builder = builder.add_extension(_server_names(leaf.hosts), critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        files[f"{name}.crt"] = certificate.public_bytes(serialization.Encoding.PEM)
        files[f"{name}.key"] = _pem(key)
    signer = _key()
    files[f"{SERVICE_ACCOUNT_KEY}.key"] = _pem(signer)
    files[f"{SERVICE_ACCOUNT_KEY}.pub"] = signer.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return files


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _name(common_name: str, groups: tuple[str, ...]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _server_names(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    addresses = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.0.0.1"))
    return x509.SubjectAlternativeName(
        [*(x509.DNSName(name) for name in hosts), *(x509.IPAddress(address) for address in addresses)]
    )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(content)
