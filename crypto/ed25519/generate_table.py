"""Prints base_table.c from the definition of the curve (RFC 8032 5.1) in plain integers.

base_table_test runs it and compares, so the table in the repository is proven on every run:
    python3 generate_table.py > base_table.c
"""

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
B = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
     46316835694926478169428394003475163141307993866256225615783033603165251855960)


def add(a, b):
    k = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, P - 2, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, P - 2, P)
    return x % P, y % P


def words(value):
    return ", ".join("0x%016x" % (value >> 64 * i & 2**64 - 1) for i in range(4))


def main():
    assert (-B[0]**2 + B[1]**2 - 1 - D * B[0]**2 * B[1]**2) % P == 0
    print("// Printed by generate_table.py, which says what it is.\n")
    print('#include "crypto/ed25519/edwards.h"\n')
    print("const uint64_t so_edwards_base_words[32][8][3][4] = {")
    row = B
    for _ in range(32):
        point = row
        print("    {")
        for _ in range(8):
            x, y = point
            values = ((y + x) % P, (y - x) % P, 2 * D * x * y % P)
            print("        {" + ",\n         ".join("{%s}" % words(v) for v in values) + "},")
            point = add(point, row)
        print("    },")
        for _ in range(8):
            row = add(row, row)
    print("};")


main()
