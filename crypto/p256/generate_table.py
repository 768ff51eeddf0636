"""Prints base_table.c from the definition of the curve (SP 800-186) in plain integers.

base_table_test runs it and compares, so the table in the repository is proven on every run:
    python3 generate_table.py > base_table.c
"""

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def add(a, b):
    if a == b:
        slope = (3 * a[0]**2 - 3) * pow(2 * a[1], P - 2, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], P - 2, P)
    x = (slope**2 - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def words(value):
    value = value * 2**256 % P
    return ", ".join("0x%016x" % (value >> 64 * i & 2**64 - 1) for i in range(4))


def main():
    assert (G[1]**2 - G[0]**3 + 3 * G[0] - B) % P == 0
    print("// Printed by generate_table.py, which says what it is.\n")
    print('#include "crypto/p256/group.h"\n')
    print("const uint64_t so_p256_base_words[26][16][2][4] = {")
    row = G
    for _ in range(26):
        point = row
        print("    {")
        for _ in range(16):
            print("        {{%s},\n         {%s}}," % (words(point[0]), words(point[1])))
            point = add(point, row)
        print("    },")
        for _ in range(10):
            row = add(row, row)
    print("};")


main()
