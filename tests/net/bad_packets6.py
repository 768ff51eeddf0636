#!/usr/bin/env python3
"""Sends IPv6 packets that no decent host sends to a host, and asks it for an echo after each kind.

Arguments: the interface, the address, an open TCP port. Exit code 1: it does not answer any more.
"""
import logging
import random
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import (  # noqa: E402
    UDP, TCP, Ether, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
    ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, conf, get_if_hwaddr, sendp, srp1)

iface, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
conf.verb = 0
conf.iface = iface
random.seed(4)
near, other = "2001:db8::1", "2001:db8::66"
my_mac = get_if_hwaddr(iface)
# The group of all nodes: whoever is there learns our address from the question itself.
ask = Ether(dst="33:33:ff:00:00:10") / IPv6(src=near, dst="ff02::1:ff00:10", hlim=255)
mac = srp1(ask / ICMPv6ND_NS(tgt=host) / ICMPv6NDOptSrcLLAddr(lladdr=my_mac), iface=iface,
           timeout=5)[Ether].src
me = Ether(dst=mac)


def alive():
    for _ in range(3):
        if srp1(me / IPv6(src=near, dst=host) / ICMPv6EchoRequest(id=7), iface=iface,
                timeout=3) is not None:
            return True
    return False


def ip(**kwargs):
    return me / IPv6(**{"src": near, "dst": host, **kwargs})


def pieces(ident, *which):
    """(offset in 8 bytes, more, bytes) each."""
    return [ip() / IPv6ExtHdrFragment(id=ident, offset=at, m=more, nh=17) / Raw(data)
            for at, more, data in which]


syn = TCP(sport=1024, dport=port, flags="S")
whole = bytes(ip() / syn)
link = ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:66")
target = ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:66")
kinds = {
    "truncated frames": [Raw(whole[:n]) for n in range(15, len(whole))],
    "bad versions": [ip(version=n) / syn for n in range(0, 16)],
    "bad lengths": [ip(plen=n) / syn for n in (0, 1, 19, 21, 60, 65535)],
    "bad TCP checksums": [ip() / TCP(dport=port, chksum=0x1234)] * 4,
    "bad UDP": [ip() / UDP(dport=9, len=n) / Raw(b"xx") for n in (0, 7, 9, 65535)]
               + [ip() / UDP(dport=9, chksum=0x1234) / Raw(b"xx"),
                  ip() / UDP(dport=9, chksum=0) / Raw(b"xx")],
    "every next header": [ip(nh=n) / Raw(bytes(24)) for n in range(256)],
    "many extension headers": [
        ip(nh=60) / Raw(b"\x3c\0\1\4\0\0\0\0" * n + b"\x3b\0\1\4\0\0\0\0")
        for n in (1, 8, 50, 150)],
    "hop-by-hop out of place": [ip() / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / syn] * 2,
    "options that run out": [ip(nh=nh) / Raw(b"\x06\0" + options) for nh in (0, 60) for options in
                             (b"\1\xff\0\0\0\0", b"\x3e\0\0\0\0\0", b"\xc2\4\0\0\0\1",
                              b"\1\5abcd")],
    "routing headers": [ip() / IPv6ExtHdrRouting(type=t, addresses=[near, host], segleft=n) / syn
                        for t in (0, 1, 4, 253) for n in (0, 1, 2)],
    "overlapping fragments": pieces(77, (0, 1, b"a" * 64), (4, 1, b"b" * 64), (12, 0, b"c" * 16)),
    "fragments that never end": [p for n in range(500)
                                 for p in pieces(1000 + n, ((n * 3) % 8000, 1, b"f" * 64))],
    "fragments past the end": pieces(9, (8191, 0, b"p" * 200)) * 3,
    "fragments of no length of 8": pieces(10, (0, 1, b"o" * 63)) * 2,
    "tiny first fragments": pieces(11, (0, 1, b"t" * 8), (1, 0, b"u" * 8)) * 2,
    "atomic fragments": [ip() / IPv6ExtHdrFragment(id=n, offset=0, m=0) / syn for n in range(4)],
    "spoofed resets": [ip() / TCP(sport=random.randrange(65536), dport=port, flags="R",
                                  seq=random.randrange(2**32)) for _ in range(200)],
    "packets too big that nobody sent": [
        ip() / ICMPv6PacketTooBig(mtu=mtu) / Raw(bytes(IPv6(src=host, dst=near) / TCP(
            sport=port, dport=5555, seq=random.randrange(2**32)))) for mtu in (0, 68, 1279, 1280)],
    "errors about nothing": [ip() / ICMPv6DestUnreach(code=c) / Raw(b"\x60" + bytes(n))
                             for c in range(8) for n in (0, 39, 60)],
    "neighbours from far away": [ip(hlim=254) / m for m in (
        ICMPv6ND_NS(tgt=host) / link, ICMPv6ND_NA(tgt=other, R=1, O=1) / target,
        ICMPv6ND_RA(routerlifetime=1800))],
    "neighbours that lie": [ip(hlim=255, dst="ff02::1") / ICMPv6ND_NA(tgt=t, R=1, S=1, O=1) / target
                            for t in (host, other, "ff02::1", "::")],
    "options of no length": [ip(hlim=255) / ICMPv6ND_NS(tgt=host) / Raw(b"\1\0" + bytes(6)),
                             ip(hlim=255) / ICMPv6ND_NA(tgt=host) / Raw(b"\2\xff" + bytes(6))],
    "routers that are none": [ip(hlim=255) / ICMPv6ND_RA(routerlifetime=1800)
                              / ICMPv6NDOptMTU(mtu=m) / ICMPv6NDOptPrefixInfo(prefix="2001:db8:6::", prefixlen=n)
                              for m in (0, 68, 2**32 - 1) for n in (0, 64, 129, 255)],
    "redirects": [ip(hlim=255) / ICMPv6ND_Redirect(tgt=other, dst=near) / target] * 4,
    "random ICMPv6": [ip(nh=58) / Raw(bytes(random.randrange(256) for _ in range(
        random.randrange(1, 100)))) for _ in range(200)],
    "random bytes": [Ether(dst=mac, type=0x86dd) / Raw(bytes(
        random.randrange(256) for _ in range(random.randrange(1, 200)))) for _ in range(200)],
}
failed = 0
for name, packets in kinds.items():
    sendp(packets, iface=iface)
    ok = alive()
    failed += not ok
    print(f"{name}: {len(packets)} sent, {'alive' if ok else 'NO ANSWER'}")
sys.exit(1 if failed else 0)
