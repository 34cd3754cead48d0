#!/usr/bin/env python3
"""Makes the certificates of the TLS tests in a folder, with the program openssl: certificates.py FOLDER

ca.crt signs server, client and expired (which was valid for a day of 2020), each NAME.crt and NAME.key; rogue comes from
an authority of its own, rogue-ca.crt. Names: localhost and 127.0.0.1. What is there already stays.
"""

import os
import subprocess
import sys

CONFIGURATION = """\
[ca]
default_ca = default
[default]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
default_days = 3650
policy = policy
x509_extensions = leaf
unique_subject = no
[policy]
commonName = supplied
[leaf]
subjectAltName = DNS:localhost,IP:127.0.0.1
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = serverAuth,clientAuth
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[req]
distinguished_name = name
[name]
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def authority(name):
    openssl("req", "-x509", *KEY, "-config", "openssl.cnf", "-extensions", "authority", "-days", "3650",
            "-subj", f"/CN=Test {name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")


def leaf(name, signer, *dates):
    openssl("req", *KEY, "-config", "openssl.cnf", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-cert", f"{signer}.crt", "-keyfile", f"{signer}.key",
            "-in", f"{name}.csr", "-out", f"{name}.crt", *dates)


folder = sys.argv[1]
os.umask(0o077)
os.makedirs(folder, exist_ok=True)
os.chdir(folder)
if not os.path.exists("done"):
    for path, text in (("openssl.cnf", CONFIGURATION), ("index.txt", ""), ("serial", "01\n")):
        with open(path, "w") as file:
            file.write(text)
    authority("ca")
    authority("rogue-ca")
    leaf("server", "ca")
    leaf("client", "ca")
    leaf("expired", "ca", "-startdate", "200101000000Z", "-enddate", "200102000000Z")
    leaf("rogue", "rogue-ca")
    open("done", "w").close()
