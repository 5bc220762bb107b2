/* What the condition-*.c files share: a test function a kind, and the seam to the file system. */
#pragma once

#include "unit.h"

/* 1: holds, 0: does not, < 0: could not be tested (counts as not, and is logged). */
typedef int (*condition_fn)(struct manager *m, const char *parameter);

/* condition-virt.c: "kvm", "docker", "none" …; detected once. */
const char *virtualization_name(void);
bool virtualization_is_container(void);

/* The tests, in condition-*.c. */
int test_architecture(struct manager *m, const char *p);
int test_firmware(struct manager *m, const char *p);
int test_virtualization(struct manager *m, const char *p);
int test_host(struct manager *m, const char *p);
int test_kernel_command_line(struct manager *m, const char *p);
int test_kernel_version(struct manager *m, const char *p);
int test_credential(struct manager *m, const char *p);
int test_environment(struct manager *m, const char *p);
int test_security(struct manager *m, const char *p);
int test_capability(struct manager *m, const char *p);
int test_ac_power(struct manager *m, const char *p);
int test_needs_update(struct manager *m, const char *p);
int test_first_boot(struct manager *m, const char *p);
int test_path_exists(struct manager *m, const char *p);
int test_path_exists_glob(struct manager *m, const char *p);
int test_path_is_directory(struct manager *m, const char *p);
int test_path_is_symlink(struct manager *m, const char *p);
int test_path_is_mount_point(struct manager *m, const char *p);
int test_path_is_read_write(struct manager *m, const char *p);
int test_path_is_encrypted(struct manager *m, const char *p);
int test_directory_not_empty(struct manager *m, const char *p);
int test_file_not_empty(struct manager *m, const char *p);
int test_file_is_executable(struct manager *m, const char *p);
int test_user(struct manager *m, const char *p);
int test_group(struct manager *m, const char *p);
int test_controller(struct manager *m, const char *p);
int test_memory(struct manager *m, const char *p);
int test_cpus(struct manager *m, const char *p);
int test_cpu_feature(struct manager *m, const char *p);
int test_os_release(struct manager *m, const char *p);
int test_memory_pressure(struct manager *m, const char *p);
int test_cpu_pressure(struct manager *m, const char *p);
int test_io_pressure(struct manager *m, const char *p);
