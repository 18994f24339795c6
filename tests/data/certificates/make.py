#!/usr/bin/env python3
"""Makes the certificates and keys in this folder: a root, an intermediate, and what tests need below them. They are for tests only; the
keys are public. Run it again only to add one: tests do not depend on the bytes."""
import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

HERE = Path(__file__).resolve().parent
BEGIN = datetime.datetime(2000, 1, 1)
END = datetime.datetime(2120, 1, 1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issue(subject, names, key, issuer=None, begin=BEGIN, end=END, authority=False):
    """issuer: (certificate, key), or itself."""
    signer_name, signer_key = (issuer[0].subject, issuer[1]) if issuer else (name(subject), key)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(signer_name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
               .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
    return builder.sign(signer_key, hashes.SHA256())


def pem(*certificates):
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write(stem, chain, key):
    (HERE / f"{stem}.pem").write_bytes(chain)
    (HERE / f"{stem}.key").write_bytes(key_pem(key))


def staple(certificate, issuer, status, end=END):
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate, issuer=issuer[0], algorithm=hashes.SHA1(), cert_status=status, this_update=BEGIN, next_update=end,
        revocation_time=BEGIN if status == ocsp.OCSPCertStatus.REVOKED else None, revocation_reason=None)
    response = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer[0]).sign(issuer[1], hashes.SHA256())
    return response.public_bytes(serialization.Encoding.DER)


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def rsa2048():
    return rsa.generate_private_key(65537, 2048)


def strangers(nodes):
    """Nodes of the same names by another authority."""
    root_key = p256()
    root = issue("Perigee other root", [], root_key, authority=True)
    (HERE / "other-root.pem").write_bytes(pem(root))
    for node in nodes:
        key = p256()
        write(f"stranger-{node[-1]}", pem(issue(node, [node], key, (root, root_key))), key)


def forever():
    """Without an end, as RFC 5280 4.1.2.5 writes it."""
    key = p256()
    write("forever", pem(issue("a.example", ["a.example"], key, end=datetime.datetime(9999, 12, 31, 23, 59, 59))), key)


def main():
    root_key, middle_key = p256(), p256()
    root = issue("Perigee test root", [], root_key, authority=True)
    middle = issue("Perigee test intermediate", [], middle_key, (root, root_key), authority=True)
    issuer = (middle, middle_key)
    (HERE / "root.pem").write_bytes(pem(root))
    for stem, names, make in (("a", ["a.example", "*.a.example"], p256), ("a-rsa", ["a.example", "*.a.example"], rsa2048),
                              ("b", ["b.example"], p256), ("w", ["*.w.example"], p256),
                              ("x", ["x.w.example"], p256), ("peer-1", ["eu-1"], p256), ("peer-2", ["eu-2"], p256), ("peer-3", ["eu-3"], p256)):
        key = make()
        certificate = issue(names[0], names, key, issuer)
        write(stem, pem(certificate, middle), key)
        if stem == "a":
            good, revoked = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED
            (HERE / "a.ocsp").write_bytes(staple(certificate, issuer, good))
            (HERE / "a-revoked.ocsp").write_bytes(staple(certificate, issuer, revoked))
            (HERE / "a-old.ocsp").write_bytes(staple(certificate, issuer, good, datetime.datetime(2001, 1, 1)))
            forger_key = p256()
            forger = issue("Perigee test intermediate", [], forger_key, authority=True)
            (HERE / "a-forged.ocsp").write_bytes(staple(certificate, (forger, forger_key), good))
            over_key = p256()
            over = issue("Perigee test intermediate that is over", [], over_key, (root, root_key), end=datetime.datetime(2001, 1, 1),
                         authority=True)
            under_key = p256()
            write("under-expired", pem(issue("a.example", ["a.example"], under_key, (over, over_key)), over), under_key)
    strangers(("eu-1", "eu-2"))
    for stem, begin, end in (("expired", BEGIN, datetime.datetime(2001, 1, 1)), ("early", datetime.datetime(2119, 1, 1), END)):
        key = p256()
        write(stem, pem(issue("a.example", ["a.example"], key, issuer, begin, end), middle), key)
    key = p256()
    write("broken-chain", pem(issue("a.example", ["a.example"], key, issuer), root), key)
    key = p256()
    write("nameless", pem(issue("a.example", [], key, issuer), middle), key)
    key = rsa.generate_private_key(65537, 1024)
    write("weak", pem(issue("a.example", ["a.example"], key, issuer), middle), key)
    key = p256()
    write("self", pem(issue("a.example", ["a.example"], key)), key)
    forever()


if __name__ == "__main__":
    main()
