"""DNS messages for tests: made and read without help from the code under test."""
import random
import socket
import struct

TYPES = {
    'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'HINFO': 13, 'MX': 15, 'TXT': 16, 'RP': 17,
    'AAAA': 28, 'SRV': 33, 'NAPTR': 35, 'DNAME': 39, 'DS': 43, 'SSHFP': 44, 'RRSIG': 46,
    'NSEC': 47, 'DNSKEY': 48, 'NSEC3': 50, 'NSEC3PARAM': 51, 'TLSA': 52, 'SVCB': 64, 'HTTPS': 65,
    'ANY': 255, 'CAA': 257, 'TYPE65280': 65280,
}
# Where names stand in the data: (bytes before, names); what follows is opaque.
NAMES = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 17: (0, 2), 33: (6, 1), 39: (0, 1)}


def encode_name(labels):
    return b''.join(bytes([len(x)]) + x for x in labels) + b'\0'


def read_name(message, at):
    labels, end, jumps = [], None, 0
    while True:
        n = message[at]
        if n >= 0xc0:
            end = at + 2 if end is None else end
            at = (n & 0x3f) << 8 | message[at + 1]
            jumps += 1
            assert jumps < 128, 'compression loop'
            continue
        assert n < 64, 'label type'
        at += 1
        if n == 0:
            return labels, at if end is None else end
        labels.append(message[at:at + n])
        assert len(labels[-1]) == n, 'cut label'
        at += n


def query(labels, qtype, edns=None, do=False, ident=None, rd=False, qclass=1, options=b''):
    ident = random.randrange(65536) if ident is None else ident
    m = struct.pack('>6H', ident, 0x100 if rd else 0, 1, 0, 0, 0 if edns is None else 1)
    m += encode_name(labels) + struct.pack('>2H', qtype, qclass)
    if edns is not None:
        m += b'\0' + struct.pack('>HHIH', 41, edns, 0x8000 if do else 0, len(options)) + options
    return m


def read_rdata(message, rtype, at, length):
    end = at + length
    if rtype not in NAMES:
        return message[at:end]
    before, count = NAMES[rtype]
    out = message[at:at + before]
    at += before
    for _ in range(count):
        labels, at = read_name(message, at)
        out += encode_name([x.lower() for x in labels])
    assert at <= end
    return out + message[at:end]


class Answer:
    def __init__(self, message):
        self.message = message
        self.ident, self.flags, qd, *counts = struct.unpack('>6H', message[:12])
        self.rcode = self.flags & 15
        self.aa = bool(self.flags & 0x400)
        self.tc = bool(self.flags & 0x200)
        at = 12
        self.questions = []
        for _ in range(qd):
            name, at = read_name(message, at)
            self.questions.append((name, struct.unpack('>2H', message[at:at + 4])))
            at += 4
        self.edns = None
        self.sections = []
        for count in counts:
            section = []
            for _ in range(count):
                name, at = read_name(message, at)
                rtype, rclass, ttl, length = struct.unpack('>HHIH', message[at:at + 10])
                at += 10
                if rtype == 41:
                    self.edns = (rclass, ttl, message[at:at + length])
                else:
                    rdata = read_rdata(message, rtype, at, length)
                    section.append((encode_name([x.lower() for x in name]), rtype, rclass, ttl, rdata))
                at += length
            self.sections.append(section)
        assert at == len(message), 'bytes follow the message'

    def key(self):
        return (self.rcode | (self.edns[1] >> 24 << 4 if self.edns else 0), self.aa, self.tc,
                [sorted(set(s)) for s in self.sections])


def ask_udp(address, message, timeout=5):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(address)
        s.send(message)
        return s.recv(65535)


def read_exactly(s, n):
    out = b''
    while len(out) < n:
        piece = s.recv(n - len(out))
        if not piece:
            raise EOFError
        out += piece
    return out


class Tcp:
    def __init__(self, address, timeout=10):
        self.socket = socket.create_connection(address, timeout)

    def send(self, message):
        self.socket.sendall(struct.pack('>H', len(message)) + message)

    def receive(self):
        return read_exactly(self.socket, struct.unpack('>H', read_exactly(self.socket, 2))[0])

    def ask(self, message):
        self.send(message)
        return self.receive()

    def close(self):
        self.socket.close()
