/* What the kernel calls for itself (/proc/sys/kernel/modprobe): a cipher for dm-crypt, a level for md, a helper of NFS.
 * An image with features that need it has a link /sbin/modprobe to /init. */
#pragma once

/* modprobe [OPTION]… NAME…: loads what the names or aliases ask for, by the image's digest, and waits. Exit status. */
int modprobe_main(int argc, char **argv);
