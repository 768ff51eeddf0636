#!/usr/bin/env python3
"""Zones transferred by NSD and Knot as secondaries, who then answer as we do; by dig, drill and kdig; and
refused to whoever is not on the list."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dnslib  # noqa: E402
import peers  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def labels_of(origin):
    return [x.encode() for x in origin.split('.')]


def transfer(address, origin, qtype=252):
    tcp = dnslib.Tcp(address)
    tcp.send(dnslib.query(labels_of(origin), qtype))
    records, messages = [], 0
    while sum(r[1] == 6 for r in records) < 2:
        message = dnslib.Answer(tcp.receive())
        if message.rcode != 0:
            return message.rcode, []
        records += message.sections[0]
        messages += 1
    tcp.close()
    assert records[0] == records[-1] and records[0][1] == 6
    return messages, records


def soon(question, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if question():
            return True
        time.sleep(0.2)
    return False


def serves(address, origin):
    try:
        answer = dnslib.Answer(dnslib.ask_udp(address, dnslib.query(labels_of(origin), 6)))
    except OSError:
        return False
    return answer.rcode == 0 and len(answer.sections[0]) == 1


def big_zone(folder):
    path = os.path.join(folder, 'big.test.zone')
    with open(path, 'w') as f:
        f.write('$TTL 300\n$ORIGIN big.test.\n@ SOA ns h 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\n')
        for i in range(20000):
            f.write('host%d A 10.%d.%d.%d\n' % (i, i >> 16, i >> 8 & 255, i & 255))
    return path


def check_tools(us, origin):
    at, port = '127.0.0.1', str(us.port)
    commands = {
        'dig': ['dig', '@' + at, '-p', port, '+short', 'www.' + origin, 'A'],
        'dig +tcp': ['dig', '@' + at, '-p', port, '+tcp', '+short', 'www.' + origin, 'A'],
        'dig AXFR': ['dig', '@' + at, '-p', port, origin, 'AXFR'],
        'drill': ['drill', '-p', port, '@' + at, 'www.' + origin, 'A'],
        'drill -D': ['drill', '-D', '-p', port, '@' + at, 'www.' + origin, 'A'],
        'kdig': ['kdig', '@' + at, '-p', port, 'www.' + origin, 'A'],
        'kdig +tcp': ['kdig', '@' + at, '-p', port, '+tcp', '+keepopen', 'www.' + origin, 'A',
                      'mail.' + origin, 'A'],
        'kdig +cookie': ['kdig', '@' + at, '-p', port, '+cookie', 'www.' + origin, 'A'],
    }
    for name, command in commands.items():
        out = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert out.returncode == 0 and '192.0.2.80' in out.stdout, (name, out.stdout, out.stderr)
        assert 'WARNING' not in out.stdout, (name, out.stdout)
    print('asked by', ', '.join(commands))


def check_dnsperf(us, folder, origin):
    """Thousands of questions at a time: each gets its answer, over both transports."""
    queries = os.path.join(folder, 'queries')
    with open(queries, 'w') as f:
        for i in range(2000):
            f.write('%s.%s %s\n' % (('www', 'mail', 'n%d' % i)[i % 3], origin, ('A', 'MX')[i % 2]))
    for mode in ('udp', 'tcp'):
        out = subprocess.run(
            ['dnsperf', '-s', '127.0.0.1', '-p', str(us.port), '-m', mode, '-d', queries, '-n', '5',
             '-c', '4', '-T', '1', '-q', '64'], check=True, capture_output=True, text=True,
            timeout=120).stdout
        done = int(re.search(r'Queries completed:\s+(\d+)', out).group(1))
        assert done == 10000, out
        codes = set(re.findall(r'(NOERROR|NXDOMAIN) \d+', out))
        assert codes == {'NOERROR', 'NXDOMAIN'}, out
    print('asked by dnsperf')


def check_secondary(us, them, zones):
    for origin in zones:
        assert soon(lambda: serves(them.address, origin)), (them.name, origin, open(them.log).read())
        _, ours = transfer(us.address, origin)
        _, theirs = transfer(them.address, origin)
        assert sorted(set(ours)) == sorted(set(theirs)), (them.name, origin)
        print(them.name, 'has', origin, len(ours), 'records')


def main():
    program = os.path.abspath(sys.argv[1])
    folder = tempfile.mkdtemp(prefix='dns', dir='/tmp')  # Short: Knot's socket lives there.
    zones = {}
    for file in sorted(glob.glob(os.path.join(HERE, 'zones', '*.zone'))):
        zones[os.path.basename(file)[:-len('.zone')]] = shutil.copy(file, folder)
    zones['big.test'] = big_zone(folder)
    running = []
    try:
        closed = peers.ours(program, zones, folder, name='closed')
        running.append(closed)
        assert transfer(closed.address, 'example.org')[0] == 5, 'a transfer to anybody'
        us = peers.ours(program, zones, folder, '--allow-transfer', '127.0.0.0/8')
        running.append(us)
        assert transfer(us.address, 'www.example.org')[0] == 9, 'a transfer of what is no zone'
        udp = dnslib.Answer(dnslib.ask_udp(us.address, dnslib.query(labels_of('example.org'), 252)))
        assert udp.rcode == 5, 'a transfer over UDP'
        messages, records = transfer(us.address, 'big.test')
        assert messages > 10 and len(records) == 20004, (messages, len(records))
        assert transfer(us.address, 'big.test', 251)[1] == records, 'IXFR is answered by the whole'
        check_tools(us, 'example.org')
        free = peers.ours(program, zones, folder, '--rate-limit', '0', name='free')
        running.append(free)
        check_dnsperf(free, folder, 'example.org')
        empty = {origin: os.path.join(folder, 'nsd2', origin) for origin in zones}
        os.makedirs(os.path.join(folder, 'nsd2'))
        request = '  request-xfr: AXFR 127.0.0.1@%d NOKEY\n  allow-notify: 127.0.0.1 NOKEY\n' \
                  '  provide-xfr: 127.0.0.1 NOKEY\n' % us.port
        nsd = peers.nsd(empty, folder, zone_extra=request, name='nsd2')
        running.append(nsd)
        check_secondary(us, nsd, zones)
        os.makedirs(os.path.join(folder, 'knot2'))
        remotes = 'remote:\n  - id: primary\n    address: 127.0.0.1@%d\nacl:\n  - id: out\n' \
                  '    address: 127.0.0.1\n    action: transfer\n' % us.port
        knot = peers.knot({o: os.path.join(folder, 'knot2', o) for o in zones}, folder,
                          zone_extra='    master: primary\n    acl: out\n', remotes=remotes,
                          name='knot2')
        running.append(knot)
        check_secondary(us, knot, zones)
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(folder)


if __name__ == '__main__':
    main()
