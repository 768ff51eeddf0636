#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets out of certificates.pem. Run in this directory."""
import base64
import re

text = open("../certificates.pem").read()
certs = {
    name: base64.b64decode(body)
    for name, body in re.findall(r"name: (\S+)\n-----BEGIN CERTIFICATE-----\n([^-]+)-", text)
}

for name in ["leaf", "inter", "inter_names", "inter_directory", "leaf_email", "leaf_critical",
             "root_ed25519", "leaf_rsa", "leaf_version_1"]:
    open(f"parse/{name}", "wb").write(certs[name])


def seed(name, anchors, chain):
    out = bytes([len(anchors)])
    for cert in anchors + chain:
        out += len(certs[cert]).to_bytes(2, "big") + certs[cert]
    open(f"verify/{name}", "wb").write(out)


seed("chain", ["root"], ["leaf", "inter"])
seed("self", ["self_plain"], ["self_plain"])
seed("cross", ["root_ed25519"], ["leaf", "inter", "inter@cross"])
seed("names", ["root"], ["names_ok", "inter_names"])
seed("deep", ["root"], ["leaf_deep6", "deep6", "deep5", "deep4", "deep3", "deep2", "deep1"])
seed("renewed", ["root"], ["leaf_renewed", "inter_one@new", "inter_one"])
