/* client/files/disk.h: what is done alike with every descriptor of a file or directory. */
#ifndef HX_CLIENT_FILES_DISK_H
#define HX_CLIENT_FILES_DISK_H

/* What it stands for is on the disk, as far as its file system has one. HX_OK; HX_ESYS: errno. */
int disk_sync(int fd);
/* As close(2); errno stays what it was. */
void disk_close(int fd);

#endif
