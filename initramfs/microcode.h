/* Processor microcode, which the kernel takes from an uncompressed archive in front of the image
 * (Documentation/x86/microcode.rst of the kernel: kernel/x86/microcode/GenuineIntel.bin and AuthenticAMD.bin). */
#pragma once

#include "initramfs/image.h"

/* Writes that archive to out: what is for one processor ("GenuineIntel 06-55-04", as in a recording of hardware), or for
 * all of them (NULL). Nothing there for it: out stays empty, 0. A file that is no microcode is named and left out. */
int microcode_write(const struct image *im, const char *cpu, struct strbuf *out);
/* This machine's processor in that form; NULL when it is none that takes microcode (-ENOENT). */
int microcode_cpu(char **ret);
/* The same from the text of /proc/cpuinfo. */
int microcode_cpu_from(char *cpuinfo, char **ret);
