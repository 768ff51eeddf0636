"""A TCP server on Linux's own TCP for one connection after the other.

usage: peer.py ADDRESS PORT SEND first|last|reset
It sends SEND bytes while it reads. `first`: it closes as soon as it has sent them, `last`: when the client has
ended its direction, `reset`: in the middle, with a RST. For each connection it prints what went both ways:
"received N SHA256" and "sent N SHA256".
"""
import hashlib
import os
import socket
import struct
import sys
import threading


def send(conn, size, digest, counts):
    left = size
    try:
        while left:
            piece = os.urandom(min(left, 65536))
            conn.sendall(piece)
            digest.update(piece)
            left -= len(piece)
    except OSError as e:
        print("sending:", e, flush=True)
    counts["sent"] = size - left


def serve(conn, size, how):
    received, sent, counts, total = hashlib.sha256(), hashlib.sha256(), {}, 0
    sender = threading.Thread(target=send, args=(conn, size, sent, counts))
    sender.start()
    if how == "first":
        sender.join()
        conn.shutdown(socket.SHUT_WR)
    try:
        while True:
            piece = conn.recv(1 << 18)
            if not piece:
                break
            received.update(piece)
            total += len(piece)
            if how == "reset" and total > 100000:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
    except OSError as e:
        print("reading:", e, flush=True)
    if how != "reset":
        sender.join()
    conn.close()
    sender.join()
    print("received", total, received.hexdigest(), flush=True)
    print("sent", counts["sent"], sent.hexdigest(), flush=True)


def main():
    address, port, size, how = sys.argv[1:]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, int(port)), family=family) as listener:
        print("ready", flush=True)
        while True:
            conn, _ = listener.accept()
            serve(conn, int(size), how)


main()
