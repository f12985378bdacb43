#include "client/tool/nearest.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define PREFIX_LEAST 2 /* characters that say which word they begin */

static int least(int a, int b)
{
    return a < b ? a : b;
}

int nearest_distance(const char *a, const char *b)
{
    int d[NEAREST_WORD_MAX + 1][NEAREST_WORD_MAX + 1];
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > NEAREST_WORD_MAX || columns > NEAREST_WORD_MAX)
        return INT_MAX;
    for (size_t i = 0; i <= rows; i++) {
        for (size_t k = 0; k <= columns; k++) {
            if (i == 0 || k == 0) {
                d[i][k] = (int)(i + k);
                continue;
            }
            d[i][k] = least(least(d[i - 1][k], d[i][k - 1]) + 1, d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
        }
    }
    return d[rows][columns];
}

void nearest_offer(struct nearest *n, const char *word)
{
    size_t len = strlen(n->typed);
    bool begins = len >= PREFIX_LEAST && strncmp(word, n->typed, len) == 0;
    int most = strlen(word) < 6 ? 1 : (int)strlen(word) / 3;
    int distance = begins ? 1 : nearest_distance(n->typed, word);
    if (distance > most || (n->word && distance >= n->distance))
        return;
    n->word = word;
    n->distance = distance;
}
