#include "client/tool/qr.h"
#include "client/forward/say.h"
#include <langinfo.h>
#include <locale.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET      2  /* modules of white around it; readers do with less than the four of the standard */
#define CELL_BYTES 3  /* of a character: "\xe2\x96\x80", or two of ASCII */
#define LINE_BYTES 16 /* and of what colours a line, with its end */

/* White is what is drawn: terminals are dark mostly. */
static bool is_white(const QRcode *q, int row, int column)
{
    int x = column - QUIET;
    int y = row - QUIET;
    return x < 0 || y < 0 || x >= q->width || y >= q->width || !(q->data[y * q->width + x] & 1);
}

static char *put_row(char *at, const QRcode *q, int row, bool blocks)
{
    static const char *const halves[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88"};
    for (int column = 0; column < q->width + 2 * QUIET; column++) {
        bool upper = is_white(q, row, column);
        bool lower = blocks && is_white(q, row + 1, column);
        at = stpcpy(at, blocks ? halves[2 * upper + lower] : upper ? "##" : "  ");
    }
    return at;
}

char *qr_lines(const char *text, bool blocks, bool colours)
{
    QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (!q)
        return NULL;
    size_t side = (size_t)q->width + 2 * QUIET;
    char *lines = malloc(side * (side * CELL_BYTES + LINE_BYTES) + 1);
    char *at = lines;
    for (int row = 0; lines && row < (int)side; row += blocks ? 2 : 1) {
        at = stpcpy(at, colours ? "\033[40;97m" : "");
        at = put_row(at, q, row, blocks);
        at = stpcpy(at, colours ? "\033[0m\n" : "\n");
    }
    explicit_bzero(q->data, (size_t)q->width * (size_t)q->width);
    QRcode_free(q);
    return lines;
}

void qr_free(char *lines)
{
    if (lines)
        explicit_bzero(lines, strlen(lines));
    free(lines);
}

/* Whatever setlocale(3) was told. */
static bool is_utf8(void)
{
    locale_t l = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = l && strcmp(nl_langinfo_l(CODESET, l), "UTF-8") == 0;
    if (l)
        freelocale(l);
    return utf8;
}

bool qr_draw(const char *text)
{
    char *lines = qr_lines(text, is_utf8(), isatty(STDERR_FILENO));
    if (lines)
        (void)!write(STDERR_FILENO, lines, strlen(lines));
    else
        say_error("cannot draw a QR code: out of memory, or it is too long");
    bool drawn = lines;
    qr_free(lines);
    return drawn;
}
