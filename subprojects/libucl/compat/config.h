/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rspamd's is not needed: libucl's own defaults do. */
