#include "client/tool/bar.h"
#include "client/forward/say.h"
#include "client/run/terminal.h"
#include <unistd.h>

#define WIDTH       80  /* of a terminal that does not say */
#define PLAIN_WIDTH 120 /* of a line that no terminal shows */

void bar_draw(const struct progress *p, const struct progress_shown *shown)
{
    char line[PROGRESS_LINE_MAX];
    int columns = terminal_window(STDERR_FILENO).columns;
    progress_line(p, line, columns > 0 ? columns : WIDTH, shown);
    say_draw(line);
}

void bar_tell(const struct progress *p, const struct progress_shown *shown)
{
    char line[PROGRESS_LINE_MAX];
    progress_line(p, line, PLAIN_WIDTH, shown);
    say_always("%s", line);
}
