#include "shim/udt/path_phase.h"

static const char *const phase_names[] = {
    [PATH_STARTUP] = "startup",     [PATH_DRAIN] = "drain",   [PATH_DOWN] = "down",
    [PATH_CRUISE] = "cruise",       [PATH_REFILL] = "refill", [PATH_UP] = "up",
    [PATH_PROBE_RTT] = "probe_rtt",
};

const char *path_phase_name(enum path_phase phase)
{
    return phase_names[phase];
}
