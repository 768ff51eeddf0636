#include "crypto/aes/sbox.h"

// The S-box as a circuit of 115 gates without data-dependent choices: J. Boyar and R. Peralta, "A
// depth-16 circuit for the AES S-box" (2011). A linear layer prepares the 22 inputs of an
// inversion in GF(2^4)^2, whose 18 products a second linear layer turns into the result. The paper
// numbers bits from the most significant; names are those of the paper.

typedef struct prepared {
  so_aes_word y[22];
} prepared;

typedef struct products {
  so_aes_word z[18];
} products;

static inline void top_layer(const so_aes_planes *p, prepared *out) {
  const so_aes_word x0 = p->b[7], x1 = p->b[6], x2 = p->b[5], x3 = p->b[4];
  const so_aes_word x4 = p->b[3], x5 = p->b[2], x6 = p->b[1], x7 = p->b[0];
  so_aes_word *y = out->y;
  const so_aes_word t0 = x1 ^ x2;
  y[0] = x0;
  y[14] = x3 ^ x5;
  y[13] = x0 ^ x6;
  y[9] = x0 ^ x3;
  y[8] = x0 ^ x5;
  y[1] = t0 ^ x7;
  y[4] = y[1] ^ x3;
  y[12] = y[13] ^ y[14];
  y[2] = y[1] ^ x0;
  y[5] = y[1] ^ x6;
  y[3] = y[5] ^ y[8];
  const so_aes_word t1 = x4 ^ y[12];
  y[15] = t1 ^ x5;
  y[20] = t1 ^ x1;
  y[6] = y[15] ^ x7;
  y[10] = y[15] ^ t0;
  y[11] = y[20] ^ y[9];
  y[7] = x7 ^ y[11];
  y[17] = y[10] ^ y[11];
  y[19] = y[10] ^ y[8];
  y[16] = t0 ^ y[11];
  y[21] = y[13] ^ y[16];
  y[18] = x0 ^ y[16];
}

static inline void inversion(const prepared *in, so_aes_word x7, products *out) {
  const so_aes_word *y = in->y;
  const so_aes_word t2 = y[12] & y[15], t4 = (y[3] & y[6]) ^ t2, t6 = (y[4] & x7) ^ t2;
  const so_aes_word t7 = y[13] & y[16], t9 = (y[5] & y[1]) ^ t7, t11 = (y[2] & y[7]) ^ t7;
  const so_aes_word t12 = y[9] & y[11], t14 = (y[14] & y[17]) ^ t12, t16 = (y[8] & y[10]) ^ t12;
  const so_aes_word t21 = t4 ^ t14 ^ y[20], t22 = t6 ^ t16 ^ y[19];
  const so_aes_word t23 = t9 ^ t14 ^ y[21], t24 = t11 ^ t16 ^ y[18];
  const so_aes_word t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26;
  const so_aes_word t29 = (t25 & t27) ^ t22;
  const so_aes_word t30 = t23 ^ t24, t31 = t22 ^ t26, t33 = (t31 & t30) ^ t24;
  const so_aes_word t34 = t23 ^ t33, t35 = t27 ^ t33, t36 = t24 & t35, t37 = t36 ^ t34;
  const so_aes_word t38 = t27 ^ t36, t40 = t25 ^ (t29 & t38);
  const so_aes_word t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37;
  const so_aes_word t45 = t42 ^ t41;
  so_aes_word *z = out->z;
  z[0] = t44 & y[15];
  z[1] = t37 & y[6];
  z[2] = t33 & x7;
  z[3] = t43 & y[16];
  z[4] = t40 & y[1];
  z[5] = t29 & y[7];
  z[6] = t42 & y[11];
  z[7] = t45 & y[17];
  z[8] = t41 & y[10];
  z[9] = t44 & y[12];
  z[10] = t37 & y[3];
  z[11] = t33 & y[4];
  z[12] = t43 & y[13];
  z[13] = t40 & y[5];
  z[14] = t29 & y[2];
  z[15] = t42 & y[9];
  z[16] = t45 & y[14];
  z[17] = t41 & y[8];
}

static inline void bottom_layer(const products *in, so_aes_planes *p) {
  const so_aes_word *z = in->z;
  const so_aes_word t46 = z[15] ^ z[16], t47 = z[10] ^ z[11], t48 = z[5] ^ z[13];
  const so_aes_word t49 = z[9] ^ z[10], t50 = z[2] ^ z[12], t51 = z[2] ^ z[5];
  const so_aes_word t52 = z[7] ^ z[8], t53 = z[0] ^ z[3], t54 = z[6] ^ z[7];
  const so_aes_word t55 = z[16] ^ z[17], t56 = z[12] ^ t48, t57 = t50 ^ t53;
  const so_aes_word t58 = z[4] ^ t46, t59 = z[3] ^ t54, t60 = t46 ^ t57;
  const so_aes_word t61 = z[14] ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58;
  const so_aes_word t64 = z[4] ^ t59, t65 = t61 ^ t62, t66 = z[1] ^ t63, t67 = t64 ^ t65;
  const so_aes_word s3 = t53 ^ t66;
  p->b[7] = t59 ^ t63;
  p->b[6] = t64 ^ ~s3;
  p->b[5] = t55 ^ ~t67;
  p->b[4] = s3;
  p->b[3] = t51 ^ t66;
  p->b[2] = t47 ^ t65;
  p->b[1] = t56 ^ ~t62;
  p->b[0] = t48 ^ ~t60;
}

void so_aes_sub_bytes(so_aes_planes *p) {
  prepared y;
  products z;
  top_layer(p, &y);
  inversion(&y, p->b[0], &z);
  bottom_layer(&z, p);
}
