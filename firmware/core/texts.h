/* What the firmware says, by number; the host has the words (bioasm/hardware/link/texts.py). */
#ifndef BIO_TEXTS_H
#define BIO_TEXTS_H
#include "tables.h"
#include "bytes.h"

typedef struct {
    char characters[5]; /* ended by a zero */
} said;

said said_text(unsigned number); /* such as #012; empty for 0 */
said said_code(unsigned number); /* of docs/errors.md, such as B402; empty where it has none */
int said_beyond(unsigned number); /* whether it says that something is beyond this firmware */

#endif
