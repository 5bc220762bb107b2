# The image generator (dynamic), and /init of the image (static: libc and libblkid alone).
INITRAMFS_LIB := $(addprefix initramfs/,digest.c modindex.c modprobed.c image.c elf.c compress.c config.c \
                   hardware.c microcode.c select.c rootconf.c features.c full.c uki.c generate.c inspect.c)
INITRAMFS_LIBS := -lkmod -lelf -lzstd -llz4 -llzma -lz
INITRD_LIB    := $(addprefix initramfs/initrd/,options.c links.c loader.c modprobe.c blocks.c tool.c check.c extstate.c \
                   shell.c ask.c stack.c luks.c btrfs.c verity.c multipath.c dhcp.c netconf.c network.c resume.c gptauto.c volatile.c \
                   root.c report.c handover.c switch.c)

$(eval $(call program,rouse-initramfs,initramfs/rouse-initramfs.c $(INITRAMFS_LIB),DYNAMIC,$(INITRAMFS_LIBS)))
$(eval $(call program,rouse-initrd,initramfs/initrd/initrd.c $(INITRD_LIB),STATIC,-lblkid))

$(eval $(call unit_test,test-initramfs-digest,tests/unit/test-initramfs-digest.c $(INITRAMFS_LIB),$(INITRAMFS_LIBS)))
$(eval $(call unit_test,test-initramfs-image,tests/unit/test-initramfs-image.c $(INITRAMFS_LIB),$(INITRAMFS_LIBS)))
$(eval $(call unit_test,test-initramfs-options,tests/unit/test-initramfs-options.c $(addprefix initramfs/initrd/,options.c links.c netconf.c dhcp.c extstate.c)))
