/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux module-host`: the process of an isolated module, which only the spawner starts. */
#ifndef TUX_PROGRAM_MODULES_HOST_H
#define TUX_PROGRAM_MODULES_HOST_H

/* Serves the module until the server ends. Never returns. */
void __attribute__((noreturn)) tux_module_host(void);

#endif
