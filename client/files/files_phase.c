/* What is done in each phase with the entries of the plan, and which of them wait for it. */
#include "client/files/files_shared.h"

const struct files_phase_kind files_phases[] = {
    [PHASE_MAKE] = {.type = 'd', .task = TASK_MAKE, .next = PHASE_MOVE},
    [PHASE_MOVE] = {.type = 'f', .task = TASK_GET, .next = PHASE_LINK},
    [PHASE_LINK] = {.type = 'l', .task = TASK_LINK, .next = PHASE_ATTRIBUTES},
    [PHASE_ATTRIBUTES] = {.type = 'd', .task = TASK_ATTRIBUTES, .next = PHASE_OVER, .backwards = true},
    [PHASE_OVER] = {.next = PHASE_OVER}, /* a batch may have a turn left, for nothing */
};

void files_phase_begins(struct plan *p, enum files_phase phase)
{
    for (size_t i = 0; phase == PHASE_ATTRIBUTES && i < p->count; i++) { /* of what was made */
        struct plan_entry *e = &p->entries[i];
        if (e->type == 'd' && e->state == PLAN_DONE)
            e->state = PLAN_WAITING;
    }
}

size_t files_place(const struct plan *p, enum files_phase phase, size_t entry)
{
    return files_phases[phase].backwards ? p->count - 1 - entry : entry;
}

size_t files_next_waiting(const struct plan *p, enum files_phase phase, size_t place)
{
    for (; place < p->count; place++) {
        const struct plan_entry *e = &p->entries[files_place(p, phase, place)];
        if (e->type == files_phases[phase].type && e->state == PLAN_WAITING)
            break;
    }
    return place;
}
