/* What the firmware says, by number. */
#include "texts.h"

/* A letter and three digits; nothing for 0. */
static said lettered(char letter, unsigned number) {
    said made = {{0}};
    if (!number) return made;
    made.characters[0] = letter;
    for (int k = 3; k > 0; k--, number /= 10) made.characters[k] = (char)('0' + number % 10);
    return made;
}

said said_text(unsigned number) { return lettered('#', number); }
said said_code(unsigned number) { return lettered('B', SAY_CODES[number]); }
int said_beyond(unsigned number) { return SAY_CODES[number] == 502; }
