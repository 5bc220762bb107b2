comma := ,
# rouse-devd: the daemon, libc only. rouse-devd-worker: what needs libblkid, libkmod or libmount. ata_id, scsi_id: for rules
# where udev's own helpers are not installed.

DEVD_WORKER_ONLY := devd/worker.c devd/worker-kmod.c devd/worker-mount.c devd/builtin-blkid.c devd/builtin-kmod.c \
                    devd/builtin-btrfs.c
DEVD_HELPER_SRC  := devd/ata-id.c devd/scsi-id.c devd/scsi-io.c
DEVD_SRC         := $(filter-out $(DEVD_WORKER_ONLY) $(DEVD_HELPER_SRC) $(wildcard devd/hwdb-*.c),$(sort $(wildcard devd/*.c)))
DEVD_SHARED_SRC  := $(filter devd/builtin%.c devd/device%.c devd/db.c devd/text.c devd/worker-proto.c devd/constants.c devd/net-settings.c devd/rtnl.c,$(DEVD_SRC))

$(eval $(call program,rouse-devd,$(DEVD_SRC),DYNAMIC,))
$(eval $(call program,rouse-devd-worker,$(DEVD_SHARED_SRC) $(wildcard $(DEVD_WORKER_ONLY)),DYNAMIC,-Wl$(comma)--as-needed -lblkid -lkmod -lmount))
$(eval $(call program,ata_id,devd/ata-id.c devd/scsi-io.c devd/text.c,DYNAMIC,))
$(eval $(call program,scsi_id,devd/scsi-id.c devd/scsi-io.c devd/text.c,DYNAMIC,))

DEVD_NO_MAIN := $(filter-out devd/main.c,$(DEVD_SRC))
$(eval $(call unit_test,test-devd-queue,tests/unit/test-devd-queue.c devd/queue.c,))
$(eval $(call unit_test,test-devd-monitor,tests/unit/test-devd-monitor.c $(DEVD_NO_MAIN),-ludev))
$(eval $(call unit_test,test-devd-control,tests/unit/test-devd-control.c $(DEVD_NO_MAIN),))
$(eval $(call unit_test,test-devd-mounts,tests/unit/test-devd-mounts.c devd/mount-child.c devd/mountinfo.c,))

-include devd/tests.mk
