/* The machine: executes a program in slices, as `bioasm/vm/kernels/control.py` and `bioasm/vm/machine.py` do, for one lane. */
#ifndef BIO_MACHINE_H
#define BIO_MACHINE_H
#include "bbc.h"
#include "couplings.h"
#include "dynamics.h"
#include "memory.h"
#include "model.h"

#define MOST_PARAMETERS 64
#define MOST_NEURONS 1024 /* one chunk of random numbers */

enum reading_kind { READ_NUMBER, READ_LANE, READ_REALS, READ_BYTES, READ_COUNTS, READ_TRACE, READ_SPIKES };

/* What RD or OUT put out: a word, and where its numbers are in the stream of values, or how far the trace or the spikes were. */
typedef struct {
    const char *word;
    uint32_t size, kind;
    uint32_t at, count;
} reading;

typedef struct {
    const char *name;
    double value;
} machine_parameter;

typedef struct {
    const bbc_program *program;
    const bio_model *model;
    memory memory;
    uint64_t seed;
    uint32_t n;
    int64_t ctx[CTX_COUNT], block[BLOCK_COUNT];
    double real[REAL_COUNT], registers[32];
    double parameters[MOST_PARAMETERS];
    int64_t **fields;
    uint8_t *hold, *placed;
    uint8_t allocated, whole, loaded;
    uint8_t late; /* set by whoever serves: the slice has lasted long enough */
    int64_t pace; /* steps that the dynamics may make at a time */
    uint8_t given[16]; /* states that SET has put in place */
    bbc_data j, h, terms;
    bio_given couplings;
    uint8_t *couplings_from; /* where the memory of couplings begins */
    stream trace, spike_steps, spike_ids, values, readings;
    uint32_t reading_count;
    flaw fault; /* `said` is 0 where there is none */
} machine;

/* Begin a run in memory from `low` to `high`, both multiples of 8. 0: fine; else what is wrong stands in `fault`. */
int machine_begin(
    machine *m, const bbc_program *program, uint8_t *low, uint8_t *high, uint64_t seed, uint64_t fuel,
    const machine_parameter *given, uint32_t count);

/* Go on for `budget` instructions and steps, or until `late` is set; a STATUS of HALT, SLICE, FUEL or FAULT. */
int machine_slice(machine *m, int64_t budget);

double machine_best(machine *m);   /* the lowest energy seen, with the offset; NaN where none was */
void machine_refresh(machine *m);  /* energies and the best state as of now */
double machine_variable(machine *m, int64_t what, int16_t variable, uint32_t neuron); /* `what` is DYN_PEEK_MEAN or _NEXT */
void machine_variables(machine *m, int16_t variable, double *to); /* of all neurons */
void machine_best_state(machine *m, int8_t *to); /* the state of lowest energy, or the present one as 0/1 or spins */

#endif
