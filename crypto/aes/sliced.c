#include "base/mem.h"
#include "crypto/aes/internal.h"
#include "crypto/aes/sbox.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"

// AES on bit planes. With byte i of a block in row i mod 4 and column i / 4 (FIPS 197 3.4), a
// column is 16 neighbouring bits of a lane and a row is 4 bits of each column, so ShiftRows is a
// rotation of the whole lane for each row and MixColumns uses rotations inside 16-bit lanes.

#define EVEN_BYTES UINT64_C(0x00ff00ff00ff00ff)
#define EACH_COLUMN(bits) ((bits)*UINT64_C(0x0001000100010001))

static inline so_aes_word rotate(so_aes_word v, unsigned n) { return v >> n | v << (64 - n); }

// Swaps the bits of `b` under the mask with those of `a` that are `shift` above them.
static inline void swap_bits(so_aes_word *a, so_aes_word *b, uint64_t low_mask, unsigned shift) {
  const so_aes_word differ = ((*a >> shift) ^ *b) & low_mask;
  *b ^= differ;
  *a ^= differ << shift;
}

// Transposes each 8 by 8 square of bits that the words' bytes of the same place form. It is its own
// inverse.
static inline void transpose(so_aes_planes *p) {
  for (unsigned i = 0; i < 8; i += 2) {
    swap_bits(&p->b[i], &p->b[i + 1], UINT64_C(0x5555555555555555), 1);
  }
  for (unsigned i = 0; i < 8; i++) {
    if ((i & 2) == 0) {
      swap_bits(&p->b[i], &p->b[i + 2], UINT64_C(0x3333333333333333), 2);
    }
  }
  for (unsigned i = 0; i < 4; i++) {
    swap_bits(&p->b[i], &p->b[i + 4], UINT64_C(0x0f0f0f0f0f0f0f0f), 4);
  }
}

// Packs bytes 0, 2, 4, 6 into the low half.
static inline so_aes_word gather_even(so_aes_word v) {
  v &= EVEN_BYTES;
  v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
  return (v | v >> 16) & UINT64_C(0xffffffff);
}

static inline so_aes_word scatter_even(so_aes_word v) {
  v &= UINT64_C(0xffffffff);
  v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
  return (v | v << 8) & EVEN_BYTES;
}

// Word k holds the even bytes of block k and word k + 4 the odd ones; transposing puts bit b of
// byte 2 * j of block k at bit 8 * j + k of plane b, as so_aes_planes says.
static inline void pack(so_aes_planes *p, const uint8_t blocks[SO_AES_SLICED_LEN]) {
  for (unsigned k = 0; k < 4; k++) {
    const uint8_t *in[2] = {blocks + 16 * k, blocks + 16 * (k + 4)};
    const so_aes_word low = {so_load_le64(in[0]), so_load_le64(in[1])};
    const so_aes_word high = {so_load_le64(in[0] + 8), so_load_le64(in[1] + 8)};
    p->b[k] = gather_even(low) | gather_even(high) << 32;
    p->b[k + 4] = gather_even(low >> 8) | gather_even(high >> 8) << 32;
  }
  transpose(p);
}

static inline void unpack(so_aes_planes *p, uint8_t blocks[SO_AES_SLICED_LEN]) {
  transpose(p);
  for (unsigned k = 0; k < 4; k++) {
    const so_aes_word even = p->b[k], odd = p->b[k + 4];
    const so_aes_word low = scatter_even(even) | scatter_even(odd) << 8;
    const so_aes_word high = scatter_even(even >> 32) | scatter_even(odd >> 32) << 8;
    for (unsigned lane = 0; lane < 2; lane++) {
      so_store_le64(blocks + 16 * (k + 4 * lane), low[lane]);
      so_store_le64(blocks + 16 * (k + 4 * lane) + 8, high[lane]);
    }
  }
}

static inline void add_round_key(so_aes_planes *p, const so_aes_planes *key) {
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    p->b[i] ^= key->b[i];
  }
}

// Takes the bits under the mask from `a`, the others from `b`.
static inline so_aes_word choose(uint64_t mask, so_aes_word a, so_aes_word b) {
  return (a & mask) | (b & ~mask);
}

// Rows 2 and 3 move by two columns, then rows 1 and 3 by one.
static inline void shift_rows(so_aes_planes *p) {
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    const so_aes_word v = choose(EACH_COLUMN(0xff00u), rotate(p->b[i], 32), p->b[i]);
    p->b[i] = choose(EACH_COLUMN(0xf0f0u), rotate(v, 16), v);
  }
}

// Every byte becomes the one that is 1 or 2 rows below it in its column.
typedef uint16_t columns __attribute__((vector_size(16)));
static inline so_aes_word from_row_1(so_aes_word v) {
  const columns c = (columns)v;
  return (so_aes_word)(c >> 4 | c << 12);
}
static inline so_aes_word from_row_2(so_aes_word v) {
  const columns c = (columns)v;
  return (so_aes_word)(c >> 8 | c << 8);
}

// FIPS 197 5.1.3 with a0..a3 a column: b0 = 2 (a0 + a1) + a1 + (a2 + a3). `sum` is a0 + a1 in every
// row, so a2 + a3 is the same two rows on. Doubling moves planes up and adds plane 7 to 0, 1, 3, 4.
static inline void mix_columns(so_aes_planes *p) {
  so_aes_word next[8], sum[8];
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    next[i] = from_row_1(p->b[i]);
    sum[i] = p->b[i] ^ next[i];
  }
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    const so_aes_word none = {0, 0};
    const so_aes_word wrap = i == 0 || i == 1 || i == 3 || i == 4 ? sum[7] : none;
    const so_aes_word twice = (i == 0 ? none : sum[i - 1]) ^ wrap;
    p->b[i] = twice ^ next[i] ^ from_row_2(sum[i]);
  }
}

void so_aes_slice_keys(const so_aes *aes, so_aes_sliced *sliced) {
  uint8_t eight[SO_AES_SLICED_LEN];
  sliced->rounds = aes->rounds;
  for (unsigned r = 0; r <= sliced->rounds; r++) {
    for (unsigned k = 0; k < 8; k++) {
      memcpy(eight + 16 * k, aes->round_keys + 16 * r, 16);
    }
    pack(&sliced->round_keys[r], eight);
  }
  so_wipe(eight, sizeof eight);
}

void so_aes_sliced_encrypt8(const so_aes_sliced *sliced, uint8_t blocks[SO_AES_SLICED_LEN]) {
  so_aes_planes p;
  pack(&p, blocks);
  add_round_key(&p, &sliced->round_keys[0]);
  for (unsigned r = 1; r < sliced->rounds; r++) {
    so_aes_sub_bytes(&p);
    shift_rows(&p);
    mix_columns(&p);
    add_round_key(&p, &sliced->round_keys[r]);
  }
  so_aes_sub_bytes(&p);
  shift_rows(&p);
  add_round_key(&p, &sliced->round_keys[sliced->rounds]);
  unpack(&p, blocks);
}

uint32_t so_aes_sliced_sub_word(uint32_t word) {
  uint8_t blocks[SO_AES_SLICED_LEN] = {0};
  so_aes_planes p;
  so_store_le32(blocks, word);
  pack(&p, blocks);
  so_aes_sub_bytes(&p);
  unpack(&p, blocks);
  return so_load_le32(blocks);
}
