/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux serve`: from the checked command to the summary at its end. */
#ifndef TUX_PROGRAM_SERVE_H
#define TUX_PROGRAM_SERVE_H

#include "command.h"

/* Serves until told to stop. Returns the exit status: 0, or 1 after an error that it has printed. */
int tux_serve(const struct tux_command *command);

#endif
