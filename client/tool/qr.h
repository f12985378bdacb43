/* client/tool/qr.h: a text as a QR code (ISO/IEC 18004), on standard error, for a telephone's camera. */
#ifndef HX_CLIENT_TOOL_QR_H
#define HX_CLIENT_TOOL_QR_H

#include <stdbool.h>
#include <stddef.h>

/* The lines of it, to be freed with qr_free(); NULL: out of memory, or too long. `blocks`: two rows in one
 * line of characters, by half blocks (U+2580); else a row in each, in ASCII. `colours`: black on white,
 * whatever colours the terminal has. */
char *qr_lines(const char *text, bool blocks, bool colours);
void qr_free(char *lines); /* wipes it: what is shown may be a key */
/* As the terminal and the locale allow. False: it cannot be drawn, which was told. */
bool qr_draw(const char *text);

#endif
