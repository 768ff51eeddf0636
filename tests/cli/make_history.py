"""Writes a git fast-import stream of a made-up history, the same for the same arguments.

usage: make_history.py SEED COMMITS [DIRECTORY...]

Branches that merge, renames, executable files, symbolic links, odd names, deletions, directories that
become files and back, commits without changes, tags of both kinds, odd time zones. With directories,
the contents are pieces of the text files in them instead of random lines.
"""

import os
import random
import sys

SEED, COMMITS, DIRECTORIES = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
RNG = random.Random(SEED)
OUT = sys.stdout.buffer
ZONES = ["+0000", "+0530", "-0330", "+1245", "-1100", "+1400", "+0001", "-0800"]
PEOPLE = [("Ann Other", "ann@example.org"), ("Zoë Ünïcode", "zoe@example.org"),
          ("名前 氏", "n@example.jp"), ("O'Brien \"Bob\"", "bob+tag@example.org"), ("x", "x")]
NAMES = ["plain.txt", "with space.txt", 'quote".txt', "back\\slash", "tab\there", "ümlaut.md", "日本語.txt",
         "-dash", "#hash", "'single'", "*star?", "a", "A", "trailing ", ".hidden", "$dollar", "x.json"]
DIRS = ["", "src/", "src/deep/er/and/deeper/", "dir with space/", "répertoire/", 'q"d/', "a.b/", "a/"]


def real_texts():
    """real_texts lists text files of moderate size, in a fixed order."""
    found = []
    for top in DIRECTORIES:
        for where, subdirs, files in os.walk(top):
            subdirs.sort()
            found += [os.path.join(where, f) for f in sorted(files) if not f.endswith(".gz")]
    found = [f for f in found if os.path.isfile(f) and not os.path.islink(f)
             and 100 < os.path.getsize(f) < 60000]
    RNG.shuffle(found)
    return found[:1500]


TEXTS = real_texts()


def fresh():
    """fresh makes the first content of a file."""
    kind = RNG.random()
    if TEXTS and kind < 0.9:
        with open(RNG.choice(TEXTS), "rb") as f:
            lines = f.read().splitlines(keepends=True)
        return b"".join(lines[: RNG.randint(1, len(lines))])
    if kind < 0.03:
        return b""
    if kind < 0.10:
        return RNG.randbytes(RNG.choice([1, 100, 1000, 40000, 300000 if RNG.random() < 0.1 else 70000]))
    lines = [b"line %d of %d" % (i, RNG.randint(0, 99)) for i in range(RNG.randint(1, 200))]
    return b"\n".join(lines) + (b"\n" if RNG.random() < 0.8 else b"")


def edited(old):
    """edited changes a few lines."""
    lines = old.splitlines(keepends=True)
    for _ in range(RNG.randint(1, 4)):
        at = RNG.randint(0, len(lines))
        if lines and RNG.random() < 0.3:
            del lines[min(at, len(lines) - 1)]
        else:
            lines.insert(at, b"edit %d\n" % RNG.randint(0, 10**9))
    return b"".join(lines)


def quoted(path):
    text = path.encode()
    out = b'"'
    for byte in text:
        if byte in b'"\\':
            out += b"\\" + bytes([byte])
        elif byte < 32 or byte > 126:
            out += b"\\%03o" % byte
        else:
            out += bytes([byte])
    return out + b'"'


def put(line):
    OUT.write(line if isinstance(line, bytes) else line.encode())


def data(content):
    put(b"data %d\n" % len(content) + content + b"\n")


def fits(tree, path):
    """fits: may this file be there, with no file above it and none below?"""
    parts = path.split("/")
    return not any("/".join(parts[:i]) in tree for i in range(1, len(parts))) and not any(
        other.startswith(path + "/") for other in tree)


def clear_way(tree, path):
    """clear_way removes what is in the way of a file at the path."""
    for other in list(tree):
        if other.startswith(path + "/") or path.startswith(other + "/"):
            del tree[other]
            put(b"D " + quoted(other) + b"\n")


def add(tree):
    path = RNG.choice(DIRS) + (RNG.choice(NAMES) if RNG.random() < 0.5 else "f%d.c" % RNG.randint(0, 400))
    if not fits(tree, path):
        if RNG.random() < 0.7:
            return
        clear_way(tree, path)
    mode, content = "100644", None
    chance = RNG.random()
    if chance < 0.1:
        mode, content = "120000", RNG.choice([b"plain.txt", b"../outside", b"/etc/none", "ziel ü".encode()])
    elif chance < 0.25:
        mode = "100755"
    if content is None:
        old = tree.get(path)
        content = edited(old[1]) if old and old[0] != "120000" else fresh()
    tree[path] = (mode, content)
    put("M %s inline " % mode)
    put(quoted(path) + b"\n")
    data(content)


def edit(tree):
    if not tree:
        return add(tree)
    path = RNG.choice(sorted(tree))
    mode, content = tree[path]
    if mode == "120000":
        return None
    if RNG.random() < 0.15:
        mode = "100755" if mode == "100644" else "100644"
    else:
        content = edited(content)
    tree[path] = (mode, content)
    put("M %s inline " % mode)
    put(quoted(path) + b"\n")
    return data(content)


def delete(tree):
    if len(tree) > 3:
        path = RNG.choice(sorted(tree))
        del tree[path]
        put(b"D " + quoted(path) + b"\n")


def rename(tree):
    if not tree:
        return
    old = RNG.choice(sorted(tree))
    new = RNG.choice(DIRS) + "moved %d" % RNG.randint(0, 10**6)
    if new in tree or not fits({p: 1 for p in tree if p != old}, new):
        return
    tree[new] = tree.pop(old)
    put(b"R " + quoted(old) + b" " + quoted(new) + b"\n")


def swap(tree):
    """swap turns a directory into a file, or a file into a directory."""
    if not tree:
        return
    path = RNG.choice(sorted(tree))
    target = path.rsplit("/", 1)[0] if "/" in path and RNG.random() < 0.5 else path + "/inside"
    clear_way(tree, target)
    tree[target] = ("100644", b"swapped\n")
    put(b"M 100644 inline " + quoted(target) + b"\n")
    data(b"swapped\n")


def message(i):
    return RNG.choice(["Commit %d" % i, "Größer %d\n\nBody\n\n  indented\n" % i, "No newline %d" % i,
                       "Long %d " % i + "word " * 60 + "\n", "Emoji \U0001f600 %d\n" % i]).encode()


def person(role, when):
    name, mail = RNG.choice(PEOPLE)
    put("%s %s <%s> %d %s\n" % (role, name, mail, when, RNG.choice(ZONES)))


def main():
    branches = {"main": (None, {})}  # Name: last mark, tree.
    tags, when = [], 1_000_000_000
    for i in range(1, COMMITS + 1):
        names = sorted(branches)
        branch = RNG.choice(names)
        when += RNG.randint(0, 5000)
        mark, tree = branches[branch]
        others = [n for n in names if n != branch and branches[n][0] != mark]
        if i > 5 and len(names) < 8 and RNG.random() < 0.06:
            new = RNG.choice(["topic", "feature/x", "fix-ü", "v1.x"]) + str(i)
            put("reset refs/heads/%s\nfrom :%d\n\n" % (new, mark))
            branches[new], branch = (mark, dict(tree)), new
            tree, others = branches[new][1], []
        put("commit refs/heads/%s\nmark :%d\n" % (branch, i))
        person("author", when - RNG.randint(0, 100000))
        person("committer", when)
        data(message(i))
        if mark:
            put("from :%d\n" % mark)
        if mark and others and RNG.random() < 0.2:
            put("merge :%d\n" % branches[RNG.choice(others)][0])
        if not mark or RNG.random() > 0.03:
            for _ in range(RNG.randint(1, 5)):
                RNG.choices([add, edit, delete, rename, swap], [4, 6, 1, 1, 0.4])[0](tree)
        put("\n")
        branches[branch] = (i, tree)
        if RNG.random() < 0.03:
            tags.append(i)
    for i in tags:
        if RNG.random() < 0.5:
            put("reset refs/tags/light-%d\nfrom :%d\n\n" % (i, i))
        else:
            put("tag annotated/%d\nfrom :%d\n" % (i, i))
            person("tagger", when)
            data(b"Tag %d\n\nwith a body\n" % i)
    put("done\n")


main()
