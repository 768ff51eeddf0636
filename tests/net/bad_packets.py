#!/usr/bin/env python3
"""Sends packets that no decent host sends to a host, and asks it for an echo after each kind.

Arguments: the interface, the address, an open TCP port. Exit code 1: it does not answer any more.
"""
import logging
import random
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (  # noqa: E402
    ARP, ICMP, IP, TCP, UDP, Ether, Raw, conf, sendp, srp1)

iface, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
conf.verb = 0
conf.iface = iface
random.seed(3)
mac = srp1(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=host), iface=iface, timeout=5)[ARP].hwsrc
me = Ether(dst=mac)


def alive():
    for _ in range(3):
        if srp1(me / IP(dst=host) / ICMP(id=7), iface=iface, timeout=3) is not None:
            return True
    return False


def ip(**kwargs):
    return me / IP(dst=host, **kwargs)


whole = bytes(ip() / TCP(sport=1024, dport=port, flags="S"))
overlap = [
    ip(id=77, flags="MF", frag=0, proto=17) / Raw(b"a" * 64),
    ip(id=77, flags="MF", frag=4, proto=17) / Raw(b"b" * 64),
    ip(id=77, frag=12, proto=17) / Raw(b"c" * 16),
]
kinds = {
    "truncated frames": [Raw(whole[:n]) for n in range(15, len(whole))],
    "bad IP header lengths": [ip(ihl=n) / TCP(dport=port) for n in range(0, 16)],
    "bad IP versions": [ip(version=n) / TCP(dport=port) for n in range(0, 16)],
    "bad IP checksums": [ip(chksum=0x1234) / TCP(dport=port)] * 4,
    "bad IP lengths": [ip(len=n) / TCP(dport=port) for n in (0, 1, 19, 21, 60, 65535)],
    "bad TCP checksums": [ip() / TCP(dport=port, chksum=0x1234)] * 4,
    "bad TCP offsets": [ip() / TCP(dport=port, dataofs=n) for n in range(0, 16)],
    "every combination of TCP flags": [ip() / TCP(sport=2000 + n, dport=port, flags=n) for n in range(256)],
    "TCP options that loop or run out": [
        ip() / TCP(sport=3000, dport=port, flags="S", dataofs=10) / Raw(options)
        for options in (b"\x02\x00" + b"\x01" * 18, b"\x02\xff" + b"\x01" * 18, b"\x01" * 19 + b"\x02",
                        b"\x05\x02" * 10, b"\x08\x0a" + b"\x00" * 18, b"\x03\x01" * 10)],
    "land attacks": [me / IP(src=host, dst=host) / TCP(sport=port, dport=port, flags="S")] * 4,
    "bad UDP": [ip() / UDP(dport=9, len=n) / Raw(b"xx") for n in (0, 7, 9, 11, 65535)]
               + [ip() / UDP(dport=9, chksum=0x1234) / Raw(b"xx")],
    "bad ICMP": [ip() / ICMP(type=8, chksum=0x1234)] * 2
                + [ip() / ICMP(type=t, code=c) / Raw(b"") for t in range(0, 45) for c in (0, 1, 255)],
    "overlapping fragments": overlap,
    "fragments that never end": [
        ip(id=1000 + n, flags="MF", frag=(n * 3) % 8000) / Raw(b"f" * 64) for n in range(500)],
    "fragments past the end": [ip(id=9, frag=8191) / Raw(b"p" * 200)] * 3,
    "spoofed resets": [ip() / TCP(sport=random.randrange(65536), dport=port, flags="R",
                                  seq=random.randrange(2**32)) for _ in range(200)],
    "random bytes": [me / Raw(bytes(random.randrange(256) for _ in range(random.randrange(1, 200))))
                     for _ in range(200)],
    "random IP": [ip(proto=random.choice((1, 6, 17, 41, 89))) /
                  Raw(bytes(random.randrange(256) for _ in range(random.randrange(1, 100))))
                  for _ in range(300)],
    "ARP that lies": [me / ARP(op=op, psrc=host, hwsrc="02:00:00:00:00:66", pdst=host) for op in (1, 2)],
}
failed = 0
for name, packets in kinds.items():
    sendp(packets, iface=iface)
    ok = alive()
    failed += not ok
    print(f"{name}: {len(packets)} sent, {'alive' if ok else 'NO ANSWER'}")
sys.exit(1 if failed else 0)
