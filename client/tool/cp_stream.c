#include "client/tool/cp_stream.h"
#include "client/forward/say.h"
#include "client/tool/program.h"
#include <string.h>

static void on_state(void *user, struct files_state *out)
{
    *out = ((const struct cp_stream *)user)->state;
}

bool cp_stream_init(struct cp_stream *s, const struct args *args, const struct asking_events *events,
                    void *user, const char *written, bool *slash)
{
    s->asking = (struct asking){.args = args, .events = events, .user = user};
    s->copying = (struct copying){.args = args, .once = true, .state = on_state, .user = s};
    if (!asking_aim(s->path, s->target, written, slash))
        return false;
    strcpy(s->state.name, s->path);
    return true;
}

void cp_stream_begin(struct cp_stream *s)
{
    s->copying.loop = s->asking.loop;
    s->copying.reconnector = s->asking.reconnector;
    copying_begin(&s->copying);
    s->begun = true;
}

void cp_stream_say(const struct cp_stream *s, const char *reason)
{
    char name[SAY_NAME_MAX];
    printable_name(name, sizeof name, s->path);
    say_error("%s:%s: %s", s->asking.args->name, name, reason);
}

bool cp_stream_run(struct cp_stream *s)
{
    int status = asking_run(&s->asking);
    return s->begun && copying_conclude(&s->copying) && status == STATUS_OK;
}
