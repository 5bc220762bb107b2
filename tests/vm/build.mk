# Guests: `make boot`, and the images that all tests/vm scripts share.
# INIT, INITRAMFS, KERNEL, ROOT_PACKAGES, IMAGE, APPEND, MEM, SMP, ACCEL and
# QUIT are taken from the command line or the environment (tests/vm/boot).

VM_VARIABLES := INIT INITRAMFS KERNEL ROOT_PACKAGES IMAGE APPEND MEM SMP ACCEL QUIT TIMEOUT
export $(VM_VARIABLES)
VM_ENV = OUT='$(abspath $(OUT))'

VM_TESTS := $(wildcard tests/vm/*.t)
# What is too long for `make check`: for `make check-all`.
VM_ALL_TESTS := $(wildcard tests/vm/all/*.t)

.PHONY: boot vm-image vm-clean

boot: all
	@$(VM_ENV) tests/vm/boot

vm-image: all
	@$(VM_ENV) tests/vm/image.py machine

vm-clean:
	@tests/vm/image.py clean
