comma := ,
# rouse-devd: the daemon, libc only. rouse-devd-probe: what needs libblkid, static, since a disk waits for its start.
# rouse-devd-worker: what needs libkmod or libmount. ata_id, scsi_id: for rules where udev's own helpers are not installed.

DEVD_PROBE_ONLY  := devd/builtin-blkid.c devd/builtin-btrfs.c
DEVD_WORKER_ONLY := devd/worker-kmod.c devd/worker-mount.c devd/builtin-kmod.c
DEVD_HELPER_SRC  := devd/ata-id.c devd/scsi-id.c devd/scsi-io.c
DEVD_SRC         := $(filter-out devd/worker.c $(DEVD_PROBE_ONLY) $(DEVD_WORKER_ONLY) $(DEVD_HELPER_SRC) $(wildcard devd/hwdb-*.c),$(sort $(wildcard devd/*.c)))
DEVD_SHARED_SRC  := devd/worker.c devd/worker-proto.c devd/builtin.c $(wildcard devd/device*.c) devd/db.c devd/text.c

$(eval $(call program,rouse-devd,$(DEVD_SRC),DYNAMIC,))
$(eval $(call program,rouse-devd-probe,$(DEVD_SHARED_SRC) $(DEVD_PROBE_ONLY),STATIC,-lblkid))
$(eval $(call program,rouse-devd-worker,$(DEVD_SHARED_SRC) $(DEVD_WORKER_ONLY),DYNAMIC,-Wl$(comma)--as-needed -lkmod -lmount))
$(eval $(call program,ata_id,devd/ata-id.c devd/scsi-io.c devd/text.c,DYNAMIC,))
$(eval $(call program,scsi_id,devd/scsi-id.c devd/scsi-io.c devd/text.c,DYNAMIC,))

DEVD_NO_MAIN := $(filter-out devd/main.c,$(DEVD_SRC))
$(eval $(call unit_test,test-devd-queue,tests/unit/test-devd-queue.c devd/queue.c,))
$(eval $(call unit_test,test-devd-monitor,tests/unit/test-devd-monitor.c $(DEVD_NO_MAIN),-ludev))
$(eval $(call unit_test,test-devd-control,tests/unit/test-devd-control.c $(DEVD_NO_MAIN),))
$(eval $(call unit_test,test-devd-mounts,tests/unit/test-devd-mounts.c devd/mount-child.c devd/mountinfo.c,))

-include devd/tests.mk
