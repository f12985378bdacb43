/* client/files/disk.h: what is done alike with every descriptor of a file or directory. */
#ifndef HX_CLIENT_FILES_DISK_H
#define HX_CLIENT_FILES_DISK_H

#include <stdint.h>

/* What it stands for is on the disk, as far as its file system has one. HX_OK; HX_ESYS: errno. */
int disk_sync(int fd);
/* How many bytes of a file from `at` to `end` (above it) begin with a hole; 0: data is there, or its file
 * system does not say. */
int64_t disk_hole(int fd, int64_t at, int64_t end);
/* As close(2); errno stays what it was. */
void disk_close(int fd);

#endif
