/* base/descriptors.h: the last descriptors of a process. */
#ifndef HX_BASE_DESCRIPTORS_H
#define HX_BASE_DESCRIPTORS_H

/* For a descriptor that a peer has caused, and that is just opened: `fd` itself, or -1 and EMFILE, closed,
 * if it is one of the last that there may be. Those are for what is to come: another peer, its files, a new
 * path. -1 stays -1. */
int descriptors_spare(int fd);

#endif
