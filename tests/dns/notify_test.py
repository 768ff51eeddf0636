#!/usr/bin/env python3
"""NSD and Knot as secondaries hear of a change at once (RFC 1996): their refresh times are hours. The zone has
included files. Who refuses to hear, and who is not there, is said."""
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dnslib  # noqa: E402
import peers  # noqa: E402

ORIGIN = 'notify.test'


def write_zone(folder, serial):
    os.makedirs(os.path.join(folder, 'sub'), exist_ok=True)
    with open(os.path.join(folder, 'zone'), 'w') as f:
        f.write('$TTL 300\n$ORIGIN notify.test.\n@ SOA ns h %d 36000 18000 604800 300\n@ NS ns\nns A 192.0.2.1\n'
                '$INCLUDE sub/hosts.inc\n' % serial)
    with open(os.path.join(folder, 'sub', 'hosts.inc'), 'w') as f:
        f.write('host%d A 192.0.2.7\n' % serial)


def serial_of(server):
    query = dnslib.query([b'notify', b'test'], 6)
    try:
        answer = dnslib.Answer(dnslib.ask_udp(server.address, query))
    except OSError:
        return None
    if answer.rcode != 0 or len(answer.sections[0]) != 1:
        return None
    return int.from_bytes(answer.sections[0][0][-1][-20:-16], 'big')


def has_host(server, name):
    query = dnslib.query([name, b'notify', b'test'], 1)
    return len(dnslib.Answer(dnslib.ask_udp(server.address, query)).sections[0]) == 1


def await_serial(server, serial, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if serial_of(server) == serial:
            return
        time.sleep(0.1)
    raise SystemExit('%s has serial %s, not %d, after %d s:\n%s' % (
        server.name, serial_of(server), serial, seconds, open(server.log).read()))


def start(program, port, folder, name, notify):
    command = [program, '--listen', '127.0.0.1:%d' % port, '--allow-transfer', '127.0.0.1',
               '--zone', ORIGIN + '=' + os.path.join(folder, 'zone')]
    for p in notify:
        command += ['--notify', '127.0.0.1:%d' % p]
    return peers.Server(name, command, port, folder)


def main():
    program = os.path.abspath(sys.argv[1])
    folder = tempfile.mkdtemp(prefix='dns', dir='/tmp')
    running = []
    try:
        write_zone(folder, 1)
        port = peers.free_port()
        refuses = peers.ours(program, {ORIGIN: os.path.join(folder, 'zone')}, folder, name='refuses')
        running.append(refuses)
        os.makedirs(os.path.join(folder, 'nsd2'))
        nsd = peers.nsd({ORIGIN: os.path.join(folder, 'nsd2', 'zone')}, folder, name='nsd2', zone_extra=(
            '  request-xfr: AXFR 127.0.0.1@%d NOKEY\n  allow-notify: 127.0.0.1 NOKEY\n' % port))
        running.append(nsd)
        os.makedirs(os.path.join(folder, 'knot2'))
        remotes = 'remote:\n  - id: primary\n    address: 127.0.0.1@%d\nacl:\n  - id: hear\n' \
                  '    address: 127.0.0.1\n    action: notify\n' % port
        knot = peers.knot({ORIGIN: os.path.join(folder, 'knot2', 'zone')}, folder, remotes=remotes,
                          zone_extra='    master: primary\n    acl: hear\n', name='knot2')
        running.append(knot)
        nobody = peers.free_port()
        for serial in (1, 2):
            write_zone(folder, serial)
            name = 'primary%d' % serial
            us = start(program, port, folder, name, [nsd.port, knot.port, refuses.port, nobody])
            running.append(us)
            for secondary in (nsd, knot):
                begun = time.time()
                await_serial(secondary, serial)
                print('%s has serial %d after %.1f s' % (secondary.name, serial, time.time() - begun))
                assert has_host(secondary, b'host%d' % serial)
            assert us.stop() == 0
            said = open(us.log).read()
            counts = dict(re.findall(r'(notify_\w+)=(\d+)', said))
            assert counts['notify_answered'] == '2' and counts['notify_refused'] == '1', said
            assert int(counts['notify_sent']) >= 4, said
            assert 'does not want to hear of notify.test.' in said, said
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(folder)


if __name__ == '__main__':
    main()
