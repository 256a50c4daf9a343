/* The data section of bytecode. */
#ifndef BIO_BBC_DATA_H
#define BIO_BBC_DATA_H
#include "bbc.h"

int bbc_wrong(flaw *why, const char *code, const char *text); /* tells a flaw; 0 */

/* Whether the data section of a program, whose `data` and `data_bytes` are set, is in order; sets `blocks`. */
int bbc_check_data(bbc_program *p, flaw *why);

#endif
