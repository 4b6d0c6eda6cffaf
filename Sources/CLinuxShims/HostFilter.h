// Between the files of the shim only.

#ifndef HOSTFILTER_H
#define HOSTFILTER_H

#include "Hosting.h"

struct seccomp_data;

// Installs the filter on the calling thread. Returns the listener, or -1 with errno.
int bb_install_filter(void);
// What a notified call is.
void bb_classify(const struct seccomp_data *data, struct bb_call *call);

#endif
