/* The result of a run as bytes (docs/link.md): a JSON text and arrays, most of which stay where the run left them. */
#ifndef BIO_RESULT_H
#define BIO_RESULT_H
#include "machine.h"

/* What only the board knows of a run. */
typedef struct {
    const char *status;
    unsigned said; /* what failed; 0: nothing */
    const char *chip, *version;
    const uint8_t *program_sha256;
} result_about;

/* Where an array comes from. */
typedef struct {
    const char *type; /* of numpy */
    uint32_t dimensions, shape[2];
    enum { FROM_MEMORY, FROM_STREAM, FROM_SPIKE_TIMES, FROM_ZEROS } source;
    const void *memory;
    stream *stream;
    uint32_t at, bytes;
} result_array;

typedef struct {
    machine *m;
    const uint8_t *head; /* length, text and zeros */
    uint32_t head_bytes, total;
    double energy, best_energy, step;
    const double *state;
    const int8_t *best_state;
    const int64_t *spike_count;
    uint32_t cursor, cursor_at; /* the array that was read last, and where it begins */
    uint8_t sha256[32];
} result;

/* Put the result of a run together in what is left of its memory; 0 where that is too little. */
int result_make(result *r, machine *m, const result_about *about);

/* Bytes of the result from `at` on; how many there were. That may be fewer than there are, even none, where many arrays lie
   before them: another call finds more. */
uint32_t result_read(result *r, uint32_t at, uint8_t *to, uint32_t count);

#endif
