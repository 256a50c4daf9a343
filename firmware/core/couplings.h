/* J, h and terms as a kernel reads them: J lies where the program has it, or in rows of entries that were made of it. */
#ifndef BIO_COUPLINGS_H
#define BIO_COUPLINGS_H
#include "bbc.h"
#include "memory.h"
#include "serve.h"

/* `form` is 0 none, 1 dense, 2 rows of entries, 3 dense bytes (as `J_KIND` has it). For spins a dense J is read as the
   symmetric part without its diagonal, in units of 1 / `per_unit`. */
typedef struct {
    int form, spins, symmetric;
    uint8_t type; /* of the dense entries */
    const void *dense;
    uint32_t n;
    double per_unit;
    const double *entries;   /* of rows */
    const int32_t *counted;  /* the same in whole units */
} bio_view;

extern bio_view bio_j;

double bio_dense(int64_t i, int64_t k);

#define WIDTH_OF(block) ((void)(block), INT64_C(1)) /* there is one lane */
#define SIDE 1
#define HERE(lane) 0
#define SERVE(work) serve((uint32_t)(work))
#define J_NOW bio_j.form
#define J_LAST(i, k) ((k) < n % 8 ? bio_dense(i, n - n % 8 + (k)) : 0.0)
#define J_ENTRIES ((const int8_t *)bio_j.dense)
#ifndef J_WHOLE_FIELDS
#define J_ENTRY(e) (bio_j.entries[e])
#else
#define J_ENTRY(e) (bio_j.counted[e])
#endif
#define J_DENSE(i, k) bio_dense(i, k)

/* What a program has loaded; null where it has not. */
typedef struct {
    const bbc_data *j, *h, *terms;
} bio_given;

/* Bind the couplings into `ctx` and `real`, with memory from `m`. False where that is too little. `whole` becomes
   whether spins have fields in whole numbers. */
int bind_couplings(int64_t *ctx, double *real, memory *m, uint32_t n, const bio_given *given, int spins, int *whole);

#endif
