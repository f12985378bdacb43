#include "proto/membership.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const words[MEMBER_EVENTS] = {
    [MEMBER_UNTOLD] = "",     [MEMBER_SELF] = "self", [MEMBER_HERE] = "here",    [MEMBER_JOINED] = "joined",
    [MEMBER_MOVED] = "moved", [MEMBER_LEFT] = "left", [MEMBER_WAITED] = "waited"};

const char *member_event_text(enum member_event event)
{
    return words[event];
}

/* One or two decimal digits, at *at, which is moved behind them; 0: there are none. */
static int read_count(const char **at)
{
    int n = 0;

    for (int digits = 0; digits < 2 && **at >= '0' && **at <= '9'; digits++)
        n = 10 * n + (*(*at)++ - '0');
    return n;
}

static void read_members(struct membership *m, const char *value)
{
    int here = read_count(&value);

    if (*value++ != '/')
        return;
    int expect = read_count(&value);
    if (*value || here < 1 || here > MEMBERS_MAX || expect < MEMBERS_MIN || expect > MEMBERS_MAX)
        return;
    m->here = here;
    m->expect = expect;
}

void membership_read(struct membership *m, const char *name, const char *value)
{
    if (strcasecmp(name, "Members") == 0 && m->here == 0)
        read_members(m, value);
    if (strcasecmp(name, "Member") != 0 || m->event != MEMBER_UNTOLD)
        return;
    for (int event = MEMBER_UNTOLD + 1; event < MEMBER_EVENTS; event++)
        if (strcasecmp(value, words[event]) == 0)
            m->event = (enum member_event)event;
}

void membership_format(const struct membership *m, char text[MEMBERSHIP_TEXT_MAX])
{
    snprintf(text, MEMBERSHIP_TEXT_MAX, "Members: %d/%d\r\nMember: %s\r\n", m->here, m->expect,
             words[m->event]);
}
