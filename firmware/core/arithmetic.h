/* Arithmetic of registers and of random keys, without a C library. */
#ifndef BIO_ARITHMETIC_H
#define BIO_ARITHMETIC_H
#include <stdint.h>

#define INFINITE (__builtin_inf())

static inline double size_of(double x) { return x < 0 ? -x : x; }

double arithmetic(unsigned opcode, double a, double b); /* MOV to FLOOR */
int holds(unsigned opcode, double a, double b);         /* JEQ to JGE */
double floor_of(double x);
double ceil_of(double x);
double log10_of(double x);
double round_even(double x); /* to the nearest whole number, halves to the even one */
uint32_t first_word(uint32_t key0, uint32_t key1, uint32_t neuron); /* of a neuron's random numbers */
void lane_key(uint64_t seed, uint32_t stream, uint32_t *key0, uint32_t *key1); /* of lane 0 */

#endif
