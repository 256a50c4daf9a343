/* Bytecode where it lies: the reader checks a file as docs/bytecode.md says, copies nothing, and gives views of it. */
#ifndef BIO_BBC_H
#define BIO_BBC_H
#include "texts.h"

/* What is wrong: the number of a text (0: nothing), what it is about where that is more than its code, and the instruction. */
typedef struct {
    uint8_t said;
    const char *subject;
    uint32_t place;
} flaw;

typedef struct {
    const uint8_t *ends, *text;
    uint32_t count, bytes;
} bbc_strings;

typedef struct {
    uint8_t opcode, operands;
    uint16_t tags;
    uint32_t value[3];
} bbc_word;

typedef struct {
    const uint8_t *at;
    uint8_t type; /* 1 i1, 2 i2, 3 i4, 4 i8, 5 f4, 6 f8 */
    uint32_t count;
} bbc_array;

typedef struct {
    uint8_t kind, flags, dimensions;
    uint64_t rows, columns;
    bbc_array arrays[3];
} bbc_data;

typedef struct {
    const uint8_t *code, *constants, *data;
    uint32_t instructions, constant_count, data_bytes, blocks;
    bbc_strings names, metadata;
    uint32_t model; /* the name that the first MODEL has; BBC_NONE without one */
} bbc_program;

/* Whether the bytes, which must start at a multiple of 8, are a program that this firmware reads. */
int bbc_open(bbc_program *p, const uint8_t *file, uint32_t length, flaw *why);

bbc_word bbc_instruction(const bbc_program *p, uint32_t at);
static inline unsigned bbc_tag(const bbc_word *w, int k) { return w->tags >> (4 * k) & 15; }
static inline double bbc_constant(const bbc_program *p, uint32_t at) { return get_f64(p->constants + 16 * at); }
const char *bbc_string(const bbc_strings *s, uint32_t at, uint32_t *size); /* not ended by a zero */
int bbc_is(const bbc_strings *s, uint32_t at, const char *word);
bbc_data bbc_block(const bbc_program *p, uint32_t at); /* a block of a program that was opened */
double bbc_number(const bbc_array *a, uint32_t at);
int64_t bbc_whole(const bbc_array *a, uint32_t at);

#endif
