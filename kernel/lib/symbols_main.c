// Reads an ELF file of 64 or 32 bits and writes the table of its functions (symbols.h) to the standard
// output. Used by the build, on the host:  symbols IMAGE > TABLE

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/lib/symbols.h"

typedef struct function {
  uint64_t at;
  const char *name;
} function;

typedef struct file {
  uint8_t *ptr;
  size_t len;
} file;

// A section as both formats have it.
typedef struct section {
  uint64_t type, link, offset, size, flags, address;
} section;

static void die(const char *why) {
  fprintf(stderr, "symbols: %s\n", why);
  exit(1);
}

static file read_file(const char *path) {
  FILE *const in = fopen(path, "rb");
  file f = {NULL, 0};
  if (in == NULL || fseek(in, 0, SEEK_END) != 0) {
    die("cannot read the image");
  }
  const long len = ftell(in);
  rewind(in);
  f.len = len > 0 ? (size_t)len : 0;
  f.ptr = malloc(f.len + 1);
  if (f.ptr == NULL || fread(f.ptr, 1, f.len, in) != f.len || fclose(in) != 0) {
    die("cannot read the image");
  }
  f.ptr[f.len] = 0;
  return f;
}

static const void *at(const file *f, uint64_t off, uint64_t len) {
  if (off > f->len || len > f->len - off) {
    die("the image is cut off");
  }
  return f->ptr + off;
}

static int is_64(const file *f) {
  const unsigned char *const ident = at(f, 0, EI_NIDENT);
  if (memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA2LSB) {
    die("not a little-endian ELF file");
  }
  return ident[EI_CLASS] == ELFCLASS64;
}

static unsigned section_count(const file *f) {
  return is_64(f) ? ((const Elf64_Ehdr *)at(f, 0, sizeof(Elf64_Ehdr)))->e_shnum
                  : ((const Elf32_Ehdr *)at(f, 0, sizeof(Elf32_Ehdr)))->e_shnum;
}

static section section_at(const file *f, unsigned i) {
  if (is_64(f)) {
    const Elf64_Ehdr *const e = at(f, 0, sizeof *e);
    const Elf64_Shdr *const s = at(f, e->e_shoff + i * sizeof *s, sizeof *s);
    return (section){s->sh_type, s->sh_link, s->sh_offset, s->sh_size, s->sh_flags, s->sh_addr};
  }
  const Elf32_Ehdr *const e = at(f, 0, sizeof *e);
  const Elf32_Shdr *const s = at(f, e->e_shoff + i * sizeof *s, sizeof *s);
  return (section){s->sh_type, s->sh_link, s->sh_offset, s->sh_size, s->sh_flags, s->sh_addr};
}

static int by_address(const void *a, const void *b) {
  const function *const x = a;
  const function *const y = b;
  return x->at < y->at ? -1 : x->at > y->at ? 1 : strcmp(x->name, y->name);
}

// Names that begin with '$' are ARM's marks of code and data.
static int is_wanted(const file *f, unsigned type, unsigned index, const char *name) {
  if ((type != STT_FUNC && type != STT_NOTYPE) || *name == '$' || *name == 0 ||
      index >= section_count(f)) {
    return 0;
  }
  return (section_at(f, index).flags & SHF_EXECINSTR) != 0;
}

static size_t read_functions(const file *f, const section *table, function *out) {
  const section names = section_at(f, (unsigned)table->link);
  const int wide = is_64(f);
  const size_t entry = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  size_t count = 0;
  for (uint64_t off = 0; off + entry <= table->size; off += entry) {
    const void *const p = at(f, table->offset + off, entry);
    const Elf64_Sym *const s64 = p;
    const Elf32_Sym *const s32 = p;
    const uint64_t value = wide ? s64->st_value : s32->st_value;
    const char *const name =
        at(f, names.offset + (wide ? s64->st_name : s32->st_name), 1);
    if (is_wanted(f, ELF64_ST_TYPE(wide ? s64->st_info : s32->st_info),
                  wide ? s64->st_shndx : s32->st_shndx, name)) {
      out[count++] = (function){value & ~(uint64_t)(wide ? 0 : 1), name};
    }
  }
  qsort(out, count, sizeof *out, by_address);
  return count;
}

// The lowest address of code: offsets count from there.
static uint64_t code_start(const file *f) {
  uint64_t start = UINT64_MAX;
  for (unsigned i = 0; i < section_count(f); i++) {
    const section s = section_at(f, i);
    if ((s.flags & SHF_EXECINSTR) != 0 && s.address < start) {
      start = s.address;
    }
  }
  return start;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    die("usage: symbols IMAGE > TABLE");
  }
  const file f = read_file(argv[1]);
  uint64_t last = code_start(&f);
  for (unsigned i = 0; i < section_count(&f); i++) {
    const section s = section_at(&f, i);
    if (s.type != SHT_SYMTAB) {
      continue;
    }
    function *const all = calloc(s.size / sizeof(Elf32_Sym) + 1, sizeof *all);
    const size_t count = all == NULL ? 0 : read_functions(&f, &s, all);
    for (size_t k = 0; k < count; k++) {
      if (k != 0 && all[k].at == all[k - 1].at) {
        continue;
      }
      uint8_t entry[128];
      so_writer w = so_writer_of(entry, sizeof entry);
      so_symbols_put(&w, all[k].at - last, so_str(all[k].name));
      const so_bytes bytes = so_writer_bytes(&w);
      if (fwrite(bytes.ptr, 1, bytes.len, stdout) != bytes.len) {
        die("cannot write the table");
      }
      last = all[k].at;
    }
    free(all);
  }
  free(f.ptr);
  return 0;
}
