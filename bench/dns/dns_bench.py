#!/usr/bin/env python3
"""Queries a second of the name server against NSD and Knot: one core each, the same zones, the same
queries by dnsperf over the host's loopback, in turns. Prints rates, CPU time a query, and ratios.

usage: dns_bench.py NAMESERVER [SECONDS] [ROUNDS]
"""
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'tests', 'dns'))
import peers  # noqa: E402

HOSTS = 20000
SERVER_CPU, CLIENT_CPU = '0', '1'


def write_zone(folder):
    path = os.path.join(folder, 'bench.test.zone')
    with open(path, 'w') as f:
        f.write('$TTL 300\n$ORIGIN bench.test.\n@ SOA ns h 1 2 3 4 300\n@ NS ns\nns A 192.0.2.1\n')
        for i in range(HOSTS):
            f.write('host%d A 10.%d.%d.%d\n' % (i, i >> 16, i >> 8 & 255, i & 255))
            f.write('host%d AAAA 2001:db8::%x\n' % (i, i))
        f.write('*.wild TXT "any"\nalias CNAME host1\nsub NS ns.sub\nns.sub A 192.0.2.2\n')
    return path


def write_queries(folder, kind):
    rng = random.Random(1)
    path = os.path.join(folder, kind)
    with open(path, 'w') as f:
        for _ in range(100000):
            n = rng.randrange(HOSTS)
            if kind == 'few':
                f.write('host%d.bench.test A\n' % (n % 1000))
            elif kind == 'many':
                f.write('host%d.bench.test %s\n' % (n, rng.choice(('A', 'AAAA'))))
            elif kind == 'absent':
                f.write('x%d.bench.test A\n' % rng.randrange(1 << 40))
            else:
                f.write(rng.choice(('host%d.bench.test A' % n, 'host%d.bench.test MX' % n,
                                    'q%d.wild.bench.test TXT' % n, 'alias.bench.test A',
                                    'h%d.sub.bench.test A' % n, 'x%d.bench.test A' % n)) + '\n')
    return path


def cpu_s(pid):
    """Of a process and its descendants."""
    total, todo = 0, [pid]
    while todo:
        p = todo.pop()
        try:
            fields = open('/proc/%d/stat' % p).read().rsplit(')', 1)[1].split()
            children = open('/proc/%d/task/%d/children' % (p, p)).read().split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
        todo += [int(c) for c in children]
    return total / os.sysconf('SC_CLK_TCK')


def pin(pid):
    subprocess.run(['taskset', '-apc', SERVER_CPU, str(pid)], check=True, capture_output=True)
    children = open('/proc/%d/task/%d/children' % (pid, pid)).read().split()
    for c in children:
        pin(int(c))


def measure(server, queries, seconds, *options):
    before = cpu_s(server.process.pid)
    out = subprocess.run(
        ['taskset', '-c', CLIENT_CPU, 'dnsperf', '-s', '127.0.0.1', '-p', str(server.port),
         '-d', queries, '-l', str(seconds), '-c', '8', '-T', '1', '-q', '256', *options],
        check=True, capture_output=True, text=True).stdout
    spent = cpu_s(server.process.pid) - before
    done = int(re.search(r'Queries completed:\s+(\d+)', out).group(1))
    lost = int(re.search(r'Queries lost:\s+(\d+)', out).group(1))
    return done / seconds, spent / max(done, 1) * 1e6, lost


def main():
    program = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    folder = tempfile.mkdtemp(prefix='dnsbench')
    zones = {'bench.test': write_zone(folder)}
    servers = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that no server is left behind.
    try:
        servers.append(peers.ours(program, zones, folder, '--rate-limit', '0'))
        servers.append(peers.nsd(zones, folder))
        servers.append(peers.knot(zones, folder))
        for s in servers:
            pin(s.process.pid)
        for kind, options in (('few', ()), ('many', ()), ('mixed', ()), ('absent', ()),
                              ('many', ('-e', '-D'))):
            queries = write_queries(folder, kind)
            results = {s.name: [] for s in servers}
            for r in range(rounds):
                for s in servers[r % 3:] + servers[:r % 3]:
                    results[s.name].append(measure(s, queries, seconds, *options))
            print('%s%s' % (kind, ' with EDNS and DO' if options else ''))
            rate, cost = {}, {}
            for s in servers:
                rate[s.name] = statistics.median(x[0] for x in results[s.name])
                cost[s.name] = statistics.median(x[1] for x in results[s.name])
                print('  %-5s %9.0f queries/s  %6.2f us CPU a query  %d lost' % (
                    s.name, rate[s.name], cost[s.name], sum(x[2] for x in results[s.name])))
            for peer in ('nsd', 'knot'):
                print('  ratio to %-5s %.2f queries/s, %.2f queries a CPU second' % (
                    peer, rate['ours'] / rate[peer], cost[peer] / cost['ours']), flush=True)
    finally:
        for s in servers:
            s.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
