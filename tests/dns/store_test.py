#!/usr/bin/env python3
"""Zones from a repository of a store: a push changes what is served, a bad zone changes nothing, and a
store that is away takes nothing away. usage: store_test.py NAMESERVER STORED"""
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dnslib  # noqa: E402
import peers  # noqa: E402

ZONE = '$TTL 60\n@ SOA ns h %d 3600 900 604800 60\n@ NS ns\nns A 192.0.2.1\nwww A %s\n'


class Store:
    def __init__(self, program, folder, listen='127.0.0.1:0'):
        self.data = os.path.join(folder, 'data')
        self.log = os.path.join(folder, 'stored.log')
        self.process = subprocess.Popen([program, '--data', self.data, '--init', '--listen', listen],
                                        stdout=open(self.log, 'w'), stderr=subprocess.STDOUT)
        for _ in range(600):
            found = re.search(r'^listening (\S+)', open(self.log).read(), re.M)
            if found or self.process.poll() is not None:
                break
            time.sleep(0.05)
        assert found, open(self.log).read()
        self.url = found.group(1)
        self.token = open(self.data + '.token').read().strip()
        self.context = ssl.create_default_context(cafile=self.data + '.crt')

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, data=body,
                                         headers={'Authorization': 'Bearer ' + self.token})
        with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
            return answer.read()

    def put(self, name, text):
        self.call('PUT', '/v1/repos/dns/tree/main/zones/' + name, text.encode())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def address(server, name):
    labels = [x.encode() for x in name.split('.')]
    answer = dnslib.Answer(dnslib.ask_udp(server.address, dnslib.query(labels, 1)))
    if answer.rcode != 0:
        return answer.rcode
    return '.'.join(str(b) for b in answer.sections[0][0][4])


def until(question, seconds=40):
    end = time.time() + seconds
    while time.time() < end:
        if question():
            return True
        time.sleep(0.1)
    return False


def main():
    nameserver, stored = [os.path.abspath(x) for x in sys.argv[1:3]]
    folder = tempfile.mkdtemp(prefix='dns', dir='/tmp')
    store = Store(stored, folder)
    server = None
    try:
        store.call('PUT', '/v1/repos/dns')
        store.put('example.org', ZONE % (1, '192.0.2.10'))
        store.put('example.net.zone', ZONE % (1, '192.0.2.11'))
        server = peers.ours(nameserver, {}, folder, '--from', store.url, '--repo', 'dns', '--cacert',
                            store.data + '.crt', '--token-file', store.data + '.token', '--poll', '1')
        said = lambda text: text in open(server.log).read()
        assert address(server, 'www.example.org') == '192.0.2.10'
        assert address(server, 'www.example.net') == '192.0.2.11'
        print('served from the store')
        store.put('example.org', ZONE % (2, '192.0.2.20'))
        assert until(lambda: address(server, 'www.example.org') == '192.0.2.20')
        print('a push changes the zone')
        store.put('sub.example.org', ZONE % (1, '192.0.2.30'))
        assert until(lambda: address(server, 'www.sub.example.org') == '192.0.2.30')
        print('a push adds a zone')
        store.put('example.org', ZONE % (3, '192.0.2.256'))
        assert until(lambda: said('zones/example.org:5: not an address: 192.0.2.256'))
        assert address(server, 'www.example.org') == '192.0.2.20'
        print('a bad zone changes nothing, and is named with its line')
        store.call('DELETE', '/v1/repos/dns/tree/main/zones/sub.example.org')
        store.put('example.org', ZONE % (4, '192.0.2.40'))
        assert until(lambda: address(server, 'www.example.org') == '192.0.2.40')
        assert until(lambda: address(server, 'www.sub.example.org') == 3)
        print('mended, and a zone taken away')
        listen = store.url.split('//')[1]
        store.stop()
        assert until(lambda: said('the store does not answer'))
        assert address(server, 'www.example.org') == '192.0.2.40'
        store = Store(stored, folder, listen)
        store.put('example.org', ZONE % (5, '192.0.2.50'))
        assert until(lambda: address(server, 'www.example.org') == '192.0.2.50')
        print('a store that is away takes nothing away')
        assert server.stop() == 0, open(server.log).read()
        assert said(' zones_refused=1'), 'the bad zone was not counted once'
    finally:
        if server is not None:
            print(open(server.log).read())
            server.stop()
        store.stop()
        shutil.rmtree(folder)


if __name__ == '__main__':
    main()
