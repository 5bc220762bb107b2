/* What a program needs to run: its interpreter and its libraries, and theirs (libelf). */
#pragma once

#include "initramfs/image.h"

/* Called for each regular file that comes into the image, e its entry, source where it was in the sysroot.
 * Not an ELF file (nor a script, whose interpreter is added): 0. A library that is not there is reported by
 * image_missing() and -ENOENT. */
/* -EBADMSG: the file is damaged, and reported. */
int elf_add_needed(struct image *im, const char *source, const struct image_entry *e);
/* Takes off what running does not need: symbols and debugging data behind the last segment, and the table of sections. A
 * file with something of its own behind those stays as it is, as does what is no program or library. */
void elf_strip(struct strbuf *b);
/* All of an ELF file is there: its segments, and its sections, whose table usually comes last, lie inside it. */
bool elf_is_whole(const struct strbuf *b);
