#!/usr/bin/env python3
"""Every answer equal to NSD's: all names of a corpus of zones, and names around them, for many types,
with and without EDNS and DNSSEC, over UDP and TCP; zones plain, signed with NSEC and with NSEC3.
Owners of NSEC3 records are asked of Knot instead."""
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dnslib  # noqa: E402
import peers  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ASKED = ['A', 'AAAA', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'DS', 'DNAME', 'SRV', 'CAA', 'NSEC',
         'DNSKEY', 'NSEC3PARAM', 'HTTPS', 'SVCB', 'TLSA', 'SSHFP', 'NAPTR', 'PTR', 'HINFO', 'RP',
         'TYPE65280']


def sign(folder, zones, *options):
    """Signs with a key made here; the times are fixed in no way that matters to answers."""
    signed = {}
    for origin, file in zones.items():
        run = lambda *c: subprocess.run(c, cwd=folder, check=True, capture_output=True, text=True)
        key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', origin).stdout.strip()
        out = '%s.signed%s' % (file, ''.join(options))
        run('ldns-signzone', *options, '-f', out, file, key)
        signed[origin] = os.path.join(folder, out)
    return signed


def owners(address, origins):
    """The names of the zones, by AXFR from the server itself, and the owners of NSEC3 records, which
    are no names of the zone (RFC 5155 7.2.8)."""
    names, hashed = set(), set()
    for origin in origins:
        tcp = dnslib.Tcp(address)
        labels = [x.encode() for x in origin.split('.')]
        tcp.send(dnslib.query(labels, 252))
        soas = 0
        while soas < 2:
            message = dnslib.Answer(tcp.receive())
            assert message.rcode == 0, origin
            for name, rtype, _, _, rdata in message.sections[0]:
                soas += rtype == 6
                if rtype == 50 or (rtype == 46 and rdata[:2] == b'\0\x32'):
                    hashed.add(name)
                else:
                    names.add(name)
                if rtype in (2, 5, 39):
                    names.add(rdata)
        tcp.close()
    return sorted(names), sorted(hashed)


def around(name, rng):
    """Names beside, above and below one."""
    labels, _ = dnslib.read_name(name, 0)
    yield labels
    yield [b'zz'] + labels
    yield [b'aa', b'*'] + labels
    yield [b'*'] + labels
    if labels:
        yield labels[1:]
        yield [labels[0] + b'-'] + labels[1:]
        yield [labels[0][:-1] + b'!'] + labels[1:]
        yield [b'%x' % rng.randrange(1 << 30)] + labels[1:]
        yield [bytes(c ^ 0x20 if chr(c).isalpha() and rng.random() < .5 else c for c in x)
               for x in labels]


def show_difference(a, b):
    print('  ours rcode %d aa %s tc %s, theirs rcode %d aa %s tc %s' % (
        a.rcode, a.aa, a.tc, b.rcode, b.aa, b.tc))
    for i, section in enumerate(('answer', 'authority', 'additional')):
        ours, theirs = set(a.sections[i]), set(b.sections[i])
        for label, records in (('only ours', ours - theirs), ('only theirs', theirs - ours),
                               ('both', ours & theirs)):
            for record in sorted(records):
                if record[1] != 46:
                    print('  %s %s: %r' % (label, section, record))


def same_but_extra_nsec3(a, b):
    """For the name of a wildcard itself NSD adds an NSEC3 that proves nothing more."""
    extra = set(b.sections[1]) - set(a.sections[1])
    kinds = all(r[1] == 50 or (r[1] == 46 and r[4][:2] == b'\0\x32') for r in extra)
    a.sections[1] += extra
    return kinds and a.key() == b.key()


def order(name):
    return list(reversed(dnslib.read_name(name, 0)[0]))


def same_but_missing_nsec(a, b):
    """NSD leaves out the NSEC that covers the name that a DNAME leads to, when it sorts right behind an
    existing one. Ours must cover it."""
    extra = set(a.sections[1]) - set(b.sections[1])
    targets = [r[4] for r in a.sections[0] if r[1] == 5]
    if not any(r[1] == 39 for r in a.sections[0]) or not targets:
        return False
    for record in extra:
        if record[1] == 47:
            owner, following = order(record[0]), order(record[4])
            is_last = following <= owner  # Whose next is the apex again.
            if not owner < order(targets[-1]) or not (is_last or order(targets[-1]) < following):
                return False
        elif record[1] != 46 or record[4][:2] != b'\0\x2f':
            return False
    b.sections[1] += extra
    return a.key() == b.key()


class Comparison:
    def __init__(self, left, right):
        self.left, self.right = left, right
        self.asked = self.different = self.any = 0
        self.tcp = [dnslib.Tcp(left.address), dnslib.Tcp(right.address)]

    def ask(self, labels, qtype, over_tcp, **how):
        if sum(len(x) + 1 for x in labels) > 254 or any(not 0 < len(x) < 64 for x in labels):
            return
        message = dnslib.query(labels, qtype, **how)
        if over_tcp:
            raw = [t.ask(message) for t in self.tcp]
        else:
            raw = [dnslib.ask_udp(s.address, message) for s in (self.left, self.right)]
        try:
            a, b = [dnslib.Answer(r) for r in raw]
        except Exception:
            print(labels, qtype, how, [r.hex() for r in raw])
            raise
        self.asked += 1
        assert a.questions == b.questions and a.ident == b.ident
        ka, kb = a.key(), b.key()
        if a.tc and b.tc:  # What else stands in a truncated answer is nobody's business.
            ka, kb = ka[0], kb[0]
        self.any += qtype == dnslib.TYPES['ANY']
        if ka != kb and not (
                (b'*' in labels and same_but_extra_nsec3(a, b)) or same_but_missing_nsec(a, b)):
            self.different += 1
            if self.different <= 12:
                print('DIFFERENT %r type %d tcp %s %r' % (b'.'.join(labels), qtype, over_tcp, how))
                show_difference(a, b)


def compare_hashed(us, folder, zones, names):
    """NSD takes the owners of NSEC3 for enclosers; Knot knows that they are nothing."""
    them = peers.knot(zones, folder)
    try:
        c = Comparison(us, them)
        for name in names:
            labels, _ = dnslib.read_name(name, 0)
            for these in (labels, [b'below'] + labels):
                for t in ('A', 'TXT', 'NSEC3'):
                    for over_tcp, how in ((False, {}), (True, {'edns': 4096, 'do': True})):
                        c.ask(these, dnslib.TYPES[t], over_tcp, **how)
        print('%d asked about owners of NSEC3, %d different from Knot' % (c.asked, c.different))
        return c.different == 0 and c.asked > 100
    finally:
        them.stop()


def compare(program, folder, zones, seed):
    rng = random.Random(seed)
    us = peers.ours(program, zones, folder, '--rate-limit', '0', '--allow-transfer', '127.0.0.1')
    them = peers.nsd(zones, folder, extra='  ipv4-edns-size: 1232\n')
    try:
        c = Comparison(us, them)
        ways = [(False, {}), (False, {'edns': 1232}), (False, {'edns': 1232, 'do': True}),
                (True, {'edns': 4096, 'do': True}), (True, {})]
        seen = set()
        names, hashed = owners(us.address, zones)
        for name in names:
            for labels in around(name, rng):
                key = tuple(labels)
                if key in seen:
                    continue
                seen.add(key)
                types = ASKED if len(seen) % 4 == 0 else rng.sample(ASKED, 6) + ['A']
                types = types + ['ANY']
                for t in types:
                    over_tcp, how = rng.choice(ways)
                    c.ask(labels, dnslib.TYPES[t], over_tcp, **how)
                    if how.get('do') is None:
                        c.ask(labels, dnslib.TYPES[t], False, edns=1232, do=True)
        print('%d asked, %d of them for ANY, %d different' % (c.asked, c.any, c.different))
        good = c.different == 0 and c.asked > 1000 and c.any > 100
        return (not hashed or compare_hashed(us, folder, zones, hashed)) and good
    finally:
        code = us.stop()
        them.stop()
        assert code == 0, 'the name server ended with %d' % code


def main():
    program = os.path.abspath(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print('seed', seed)
    folder = tempfile.mkdtemp(prefix='dns', dir='/tmp')
    good = True
    try:
        zones = {}
        for file in sorted(glob.glob(os.path.join(HERE, 'zones', '*.zone'))):
            origin = os.path.basename(file)[:-len('.zone')]
            zones[origin] = shutil.copy(file, folder)
        only = sys.argv[3:]
        for label, these in (('plain', zones), ('NSEC', sign(folder, zones)),
                             ('NSEC3', sign(folder, zones, '-n')),
                             ('NSEC3 opt-out', sign(folder, zones, '-n', '-p', '-t', '3', '-s', 'beef'))):
            if only and label not in only:
                continue
            print('---', label)
            good = compare(program, folder, these, seed) and good
    finally:
        shutil.rmtree(folder)
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
