/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the proof, which makes no calls: empty. */
