/* shim/udt/path_phase.h: what the model of a path is about; the phases of draft-ietf-ccwg-bbr. */
#ifndef HX_SHIM_UDT_PATH_PHASE_H
#define HX_SHIM_UDT_PATH_PHASE_H

enum path_phase {
    PATH_STARTUP,   /* twice the rate each round trip, until that brings no more */
    PATH_DRAIN,     /* what startup has queued leaves the queue */
    PATH_DOWN,      /* slower than the path: the queue of a probe empties */
    PATH_CRUISE,    /* as fast as the path */
    PATH_REFILL,    /* one round trip at the path's rate, before ... */
    PATH_UP,        /* ... more is tried */
    PATH_PROBE_RTT, /* little in flight, to see the path without a queue */
};

const char *path_phase_name(enum path_phase phase);

#endif
