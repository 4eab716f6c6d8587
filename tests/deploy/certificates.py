"""A certificate authority for the length of a test, and a gateway's certificate by it."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = timedelta(days=1)
LOOPBACK = IPv4Address("127.0.0.1")


def certificates(name: str) -> dict[str, str]:
    """The value files of both tiers: who signed, the certificate for this host name, and its key."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _named("threemaps test authority")
    signed_by = _certificate(authority, authority_key.public_key(), authority)
    root = signed_by.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    leaf = _certificate(_named(name), key.public_key(), authority).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(LOOPBACK)]), critical=False
    )
    return {
        "gateway_ca.pem": _pem(root.sign(authority_key, hashes.SHA256())),
        "gateway_cert.pem": _pem(leaf.sign(authority_key, hashes.SHA256())),
        "gateway_key.pem": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    }


def _certificate(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
