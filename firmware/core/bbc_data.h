/* The data section of bytecode. */
#ifndef BIO_BBC_DATA_H
#define BIO_BBC_DATA_H
#include "bbc.h"

/* Whether the data section of a program, whose `data` and `data_bytes` are set, is in order; sets `blocks`. */
int bbc_check_data(bbc_program *p, flaw *why);

#endif
