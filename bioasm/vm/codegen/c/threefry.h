/* Words of the counter-based generator (bioasm/runtime/random.py). */

static inline uint32_t bio_rotated(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* Threefry-2x32 with 20 rounds (Salmon et al., SC 2011). */
BIO_UNUSED static void threefry(uint32_t k0, uint32_t k1, uint32_t c0, uint32_t c1, uint32_t *even, uint32_t *odd) {
    const uint32_t keys[3] = {k0, k1, k0 ^ k1 ^ PARITY};
    uint32_t x0 = c0 + k0, x1 = c1 + k1;
    for (int r = 0; r < 20; r++) {
        x0 += x1;
        x1 = bio_rotated(x1, ROTATIONS[r % 8]) ^ x0;
        if (r % 4 == 3) {
            const uint32_t turn = (uint32_t)(r / 4 + 1);
            x0 += keys[turn % 3];
            x1 += keys[(turn + 1) % 3] + turn;
        }
    }
    *even = x0, *odd = x1;
}
