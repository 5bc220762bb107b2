/* rouse-devd-worker's parts. */
#pragma once

#include "lib/str.h"

/* What builtins find in their event's data: the disk, opened for the lock, or -1. */
struct worker_disk {
        int fd;
};

/* Live libkmod: modules by name or alias, in order. by_name: not passed over when blacklisted. */
int worker_load_modules(char *const *names, bool by_name, char **ret_message);
/* libmount: finds out the type, sets up loop devices, runs no helper. */
int worker_mount(const char *what, const char *where, const char *type, const char *options, unsigned flags,
        char **ret_message);
