/* What the machine and its instructions share. */
#ifndef BIO_INSTRUCTIONS_H
#define BIO_INSTRUCTIONS_H
#include "machine.h"

static inline int same_text(const char *a, const char *b) {
    const size_t size = strlen(a);
    return size == strlen(b) && !memcmp(a, b, size);
}

void machine_fault(machine *m, unsigned said);
static inline int machine_wrong(machine *m, unsigned said) { return machine_fault(m, said), 0; }
double machine_value(const machine *m, const bbc_word *w, int at);
int machine_scalar(machine *m, uint32_t name, double *to); /* whether a name is that of a number of the run, which is put there */
int machine_word(const machine *m, uint32_t name); /* the variable that a name means; -1: none */
int machine_emit(machine *m, const char *word, uint32_t size, int kind, const void *from, uint32_t count, uint32_t width);
int machine_instruction(machine *m, const bbc_word *w); /* those that the loop of the compiled machine leaves to its host */
int machine_allocate(machine *m, double n);
int machine_start(machine *m); /* all states but those that the program has put where they are */
int machine_load(machine *m);  /* bind the couplings anew */
int machine_drain(machine *m); /* move what a slice brought to where the result is kept */
int machine_restart(machine *m); /* RST */
void machine_fill(machine *m, uint32_t parameter, const bbc_array *each); /* give the step a parameter's value, or one a neuron */
void machine_count(machine *m); /* let the present spins count for the best state */

#endif
