/* The data section of bytecode. */
#ifndef BIO_BBC_DATA_H
#define BIO_BBC_DATA_H
#include "bbc.h"

void bbc_flaw(flaw *why, unsigned said);
static inline int bbc_wrong(flaw *why, unsigned said) { return bbc_flaw(why, said), 0; } /* tells a flaw; 0 */

/* Whether the data section of a program, whose `data` and `data_bytes` are set, is in order; sets `blocks`. */
int bbc_check_data(bbc_program *p, flaw *why);

#endif
