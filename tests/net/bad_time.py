"""A time server that answers wrongly, in the way that its argument names, until it is ended.

usage: bad_time.py ADDRESS kiss|origin|stratum|leap|mode|old|stray|short
Prints "ready" once it listens. Each answer but for its fault is a good one that is 100 days ahead.
"""
import socket
import struct
import sys
import time

ERA = 2208988800


def stamp(seconds):
    return struct.pack(">II", (int(seconds) + ERA) & 0xFFFFFFFF, int(seconds % 1 * 2**32))


def answer(request, how):
    first, stratum, origin, now = 0x24, 2, request[40:48], time.time() + 100 * 86400
    kiss = b"DENY" if how == "kiss" else b"SAFE"
    if how == "kiss":
        stratum = 0
    elif how == "origin":
        origin = bytes(b ^ 1 for b in origin)
    elif how == "stratum":
        stratum = 16
    elif how == "leap":
        first |= 0xC0
    elif how == "mode":
        first = 0x25
    elif how == "old":
        now = 1e9  # 2001
    times = stamp(now) + origin + stamp(now) + stamp(now)
    message = struct.pack(">BBbbII", first, stratum, 6, -20, 0, 0) + kiss + times
    return message[:47] if how == "short" else message


def main():
    address, how = sys.argv[1:]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 123))
    stray = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("ready", flush=True)
    while True:
        request, client = server.recvfrom(2048)
        (stray if how == "stray" else server).sendto(answer(request, how), client)


main()
