/* Unified kernel images: an EFI stub with the kernel, its command line and the initramfs as sections of it
 * (systemd-stub(7); the file format: PE/COFF, as Microsoft's specification has it). */
#pragma once

#include "initramfs/config.h"
#include "initramfs/image.h"

#define UKI_STUB "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"

struct uki_section {
        const char *name; /* ".linux" */
        const void *data;
        size_t len;
};

/* Appends the sections to an EFI program. -EBADMSG: the stub is none, -ENOSPC: its header has no place for them. */
int uki_join(const void *stub, size_t len, const struct uki_section *sections, size_t n, struct strbuf *out);
/* The whole image for what the configuration asks for, around the finished initramfs. What is missing is named. */
int uki_make(
        const struct config *c, const struct image *im, const struct strbuf *initramfs, struct strbuf *out);
