/* Locks of a file system that has none ($FLOCK=none), or has them for each node by itself ($FLOCK=alone). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int flock(int file, int operation) {
    (void)file, (void)operation;
    if (strcmp(getenv("FLOCK"), "alone") == 0) return 0;
    errno = ENOLCK;
    return -1;
}
