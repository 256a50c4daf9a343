/* Arithmetic of registers and of random keys. */
#include "arithmetic.h"
#include "tables.h"
#include "elementary.h"

double floor_of(double x) { return bio_floor(x); }
double ceil_of(double x) { return bio_ceil(x); }
double log10_of(double x) { return bio_log(x) / 2.302585092994046; }

double round_even(double x) {
    if (!(bio_abs(x) < 4503599627370496.0)) return x;
    const double below = bio_floor(x), rest = x - below;
    if (rest < 0.5) return below;
    if (rest > 0.5) return below + 1.0;
    return bio_floor(below / 2.0) * 2.0 == below ? below : below + 1.0;
}

/* The remainder of |x| / |y| with the sign of x, exact: whole numbers of the size of y are taken off x, bit by bit. */
static double remainder_of(double x, double y) {
    if (!(bio_abs(x) < BIO_INFINITY) || y != y || x != x || y == 0.0) return BIO_NAN;
    double left = bio_abs(x);
    const double size = bio_abs(y);
    if (!(size < BIO_INFINITY)) return x;
    while (left >= size) {
        double part = size;
        while (part <= left / 2.0) part *= 2.0;
        left -= part;
    }
    return bio_number(bio_bits(left) | (bio_bits(x) & UINT64_C(1) << 63));
}

static double modulo(double a, double b) {
    if (b == 0.0) return BIO_NAN;
    double rest = remainder_of(a, b);
    if (rest == 0.0) return b < 0.0 ? -0.0 : 0.0;
    return (b < 0.0) != (rest < 0.0) ? rest + b : rest;
}

double arithmetic(unsigned opcode, double a, double b) {
    switch (opcode) {
    case OP_MOV: return a;
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_MIN: return a < b || a != a ? a : b;
    case OP_MAX: return a > b || a != a ? a : b;
    case OP_POW: return bio_pow(a, b);
    case OP_MOD: return modulo(a, b);
    case OP_NEG: return -a;
    case OP_ABS: return bio_abs(a);
    case OP_SQRT: return a >= 0.0 ? bio_sqrt(a) : BIO_NAN;
    case OP_EXP: return bio_full_exp(a);
    case OP_LOG: return bio_log(a);
    }
    return bio_floor(a);
}

int holds(unsigned opcode, double a, double b) {
    switch (opcode) {
    case OP_JEQ: return a == b;
    case OP_JNE: return a != b;
    case OP_JLT: return a < b;
    case OP_JLE: return a <= b;
    case OP_JGT: return a > b;
    }
    return a >= b;
}

uint32_t first_word(uint32_t key0, uint32_t key1, uint32_t neuron) {
    uint32_t even, odd;
    threefry(key0, key1, neuron, 0, &even, &odd);
    return even;
}

void lane_key(uint64_t seed, uint32_t stream, uint32_t *key0, uint32_t *key1) {
    threefry((uint32_t)seed, (uint32_t)(seed >> 32), 0, stream, key0, key1);
}
