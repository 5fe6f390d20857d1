/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cause.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "../../core/refusal.h"
#include "../backend/spawner_client.h"
#include "../io/print.h"

/* Detail that follows the text of a cause. */
enum takes { TAKES_ERROR, TAKES_REFUSAL, TAKES_MODE, TAKES_STEP, TAKES_NUMBER, TAKES_TLS, TAKES_CERTIFICATE };

static const struct {
	const char *text;
	enum takes takes;
} causes[WHYS] = {
	[WHY_UNKNOWN] = { "the cause is not known", TAKES_ERROR },
	[WHY_REQUEST] = { "the request is refused", TAKES_REFUSAL },
	[WHY_METHOD] = { "the method is not implemented", TAKES_ERROR },
	[WHY_MODE] = { "the mode bits of the file do not permit it", TAKES_MODE },
	[WHY_DIRECTORY_MODE] = { "the directory has no index, and its mode bits do not permit a listing", TAKES_MODE },
	[WHY_NO_INDEX] = { "the directory has no index; --browse lists it", TAKES_ERROR },
	[WHY_LINK_OUTSIDE] = { "a symbolic link leads outside the root", TAKES_ERROR },
	[WHY_LINK_LOOP] = { "too many symbolic links", TAKES_ERROR },
	[WHY_PERMISSION] = { "the server may not open the file", TAKES_ERROR },
	[WHY_SPECIAL_FILE] = { "the file is not a regular file", TAKES_ERROR },
	[WHY_NOT_TRUSTED] = { "the program or module has another owner than root, or others may write to it", TAKES_ERROR },
	[WHY_NO_HANDOVER] = { "another server responds for this file, and none is configured", TAKES_ERROR },
	[WHY_DESCRIPTORS] = { "out of file descriptors", TAKES_ERROR },
	[WHY_MEMORY] = { "out of memory", TAKES_ERROR },
	[WHY_FILE_SYSTEM] = { "the file system failed", TAKES_ERROR },
	[WHY_READ_TIME] = { "reading the file timed out", TAKES_ERROR },
	[WHY_LOAD_TIME] = { "the file system does not respond", TAKES_ERROR },
	[WHY_LOADS] = { "too many files are being loaded", TAKES_ERROR },
	[WHY_LISTING] = { "the listing of the directory failed", TAKES_ERROR },
	[WHY_MODULE] = { "the module is not loaded", TAKES_ERROR },
	[WHY_MODULE_STATUS] = { "the module responded so", TAKES_ERROR },
	[WHY_MODULE_FAILED] = { "the module failed", TAKES_ERROR },
	[WHY_MODULE_DECLINED] = { "the module declined a request whose body it had, which no backend can get any more", TAKES_ERROR },
	[WHY_MODULE_CUT] = { "the module did not complete the response", TAKES_ERROR },
	[WHY_MODULE_TIME] = { "the module did not respond within its time", TAKES_ERROR },
	[WHY_MODULE_ENDED] = { "the process of the module ended before it responded", TAKES_ERROR },
	[WHY_MODULE_START] = { "the process of the module cannot be started; an earlier line says why", TAKES_ERROR },
	[WHY_MODULE_UNLOADED] = { "the module was unloaded from the kernel while it had the request", TAKES_ERROR },
	[WHY_MODULE_BUSY] = { "the module has too many requests", TAKES_ERROR },
	[WHY_FIELDS_LONG] = { "the header fields of the response are too long", TAKES_ERROR },
	[WHY_REDIRECT_LONG] = { "the target of the redirect is too long", TAKES_ERROR },
	[WHY_STATUS_CLIENT] = { "the client's address may not see the status", TAKES_ERROR },
	[WHY_STATUS_HOST] = { "the host of a status request is not a name of this server", TAKES_ERROR },
	[WHY_STATUS_PAGE] = { "the status page failed", TAKES_ERROR },
	[WHY_STOPPING] = { "not ready: the server stops, or another process serves", TAKES_ERROR },
	[WHY_HANDOVER] = { "the server that the kernel engine hands connections to does not take them", TAKES_ERROR },
	[WHY_NO_ADDRESS] = { "no address of an upstream server is known", TAKES_ERROR },
	[WHY_CONNECT] = { "connecting to the upstream server failed", TAKES_ERROR },
	[WHY_CONNECT_TIME] = { "connecting to the upstream server timed out", TAKES_ERROR },
	[WHY_TLS_HANDSHAKE] = { "the handshake of TLS with the upstream server failed", TAKES_TLS },
	[WHY_TLS_CERTIFICATE] = { "the certificate of the upstream server is not trusted", TAKES_CERTIFICATE },
	[WHY_TLS_TIME] = { "the handshake of TLS with the upstream server timed out", TAKES_ERROR },
	[WHY_TLS] = { "the connection of TLS to the upstream server failed", TAKES_TLS },
	[WHY_SEND] = { "sending the request to the backend failed", TAKES_ERROR },
	[WHY_SEND_TIME] = { "sending the request to the backend timed out", TAKES_ERROR },
	[WHY_HEAD_TIME] = { "waiting for the backend's response head timed out", TAKES_ERROR },
	[WHY_BODY_TIME] = { "waiting for more of the backend's response body timed out", TAKES_ERROR },
	[WHY_CLOSED] = { "the backend closed the connection before its response", TAKES_ERROR },
	[WHY_CLOSED_IN_HEAD] = { "the backend closed the connection within its response head", TAKES_ERROR },
	[WHY_CLOSED_IN_BODY] = { "the backend closed the connection within its response body", TAKES_ERROR },
	[WHY_RESET] = { "the connection to the backend failed before its response", TAKES_ERROR },
	[WHY_UNASKED] = { "the backend sent bytes before it got the request", TAKES_ERROR },
	[WHY_HEAD_LONG] = { "the backend's response head is too long", TAKES_ERROR },
	[WHY_HEAD] = { "the backend's response head is malformed", TAKES_REFUSAL },
	[WHY_STATUS_LINE] = { "the backend's response has no status line of HTTP/1.x", TAKES_ERROR },
	[WHY_CGI_STATUS_LINE] = { "the program wrote a status line, in place of a Status field", TAKES_ERROR },
	[WHY_CGI_TYPE] = { "the program's response has no Content-Type, Location or Status", TAKES_ERROR },
	[WHY_UPGRADE] = { "the backend switched to a protocol that the client did not request", TAKES_ERROR },
	[WHY_BODY] = { "the backend's response body is malformed", TAKES_REFUSAL },
	[WHY_HEAD_WRITE] = { "the response head is too long, or out of memory", TAKES_ERROR },
	[WHY_INTERNAL_COUNT] = { "too many internal redirects", TAKES_ERROR },
	[WHY_INTERNAL_FIELDS] = { "too many fields in a response that names a file", TAKES_ERROR },
	[WHY_INTERNAL_TARGET] = { "the backend's response names a file or path outside the host", TAKES_ERROR },
	[WHY_KEEP] = { "the request body cannot be buffered", TAKES_ERROR },
	[WHY_REQUEST_BODY] = { "the rest of the request body cannot be sent to the backend", TAKES_ERROR },
	[WHY_SPAWN] = { "the program", TAKES_STEP },
	[WHY_START] = { "the program cannot be started", TAKES_ERROR },
	[WHY_SPAWNER] = { "the process that starts programs has ended", TAKES_ERROR },
	[WHY_EXIT] = { "the program ended without a response, with status", TAKES_NUMBER },
	[WHY_SIGNAL] = { "the program ended without a response, by signal", TAKES_NUMBER },
	[WHY_PROGRAM_TIME] = { "the program did not end within its time", TAKES_ERROR },
	[WHY_HANDSHAKE] = { "the handshake of TLS failed", TAKES_TLS },
	[WHY_HANDSHAKE_CERTIFICATE] = { "the certificate of the client is not trusted", TAKES_CERTIFICATE },
	[WHY_HANDSHAKE_ALERT] = { "the client ended the handshake of TLS", TAKES_TLS },
	[WHY_HANDSHAKE_CLOSED] = { "the client closed the connection within the handshake of TLS", TAKES_ERROR },
	[WHY_HANDSHAKE_TIME] = { "the handshake of TLS timed out", TAKES_ERROR },
	[WHY_HANDSHAKE_CLIENT] = { "the client has too many handshakes of TLS under way (handshakes-per-client)", TAKES_ERROR },
	[WHY_HANDSHAKE_ROOM] = { "too many handshakes of TLS are under way, so the oldest one ended", TAKES_ERROR },
};

/* Writes a cause with OpenSSL's reason, which has a text only if it is among the library's own. */
static size_t print_tls(struct cause cause, const char *text, char *out)
{
	const char *reason = ERR_reason_error_string(ERR_PACK((unsigned long)cause.detail, 0, (unsigned long)cause.error));

	if (reason != NULL)
		return print(out, CAUSE_TEXT, "%s: %s", text, reason);
	return cause.error != 0 ? print(out, CAUSE_TEXT, "%s: error %u of OpenSSL", text, cause.error) : print(out, CAUSE_TEXT, "%s", text);
}

size_t cause_print(struct cause cause, char *out)
{
	const unsigned why = cause.why < WHYS ? cause.why : WHY_UNKNOWN;
	const char *text = causes[why].text, *before = cause.error != 0 ? ": " : "";
	const char *error = cause.error != 0 ? strerror(cause.error) : "";

	switch (causes[why].takes) {
	case TAKES_ERROR:
		break;
	case TAKES_REFUSAL:
		return print(out, CAUSE_TEXT, "%s: %s", text, tux_refusal_text((enum tux_refusal)cause.detail));
	case TAKES_MODE:
		return print(out, CAUSE_TEXT, "%s: %04o", text, (unsigned)cause.detail << 8 | cause.error);
	case TAKES_STEP:
		return print(out, CAUSE_TEXT, "%s %s%s%s", text, tux_spawn_step_text(cause.detail), before, error);
	case TAKES_TLS:
		return print_tls(cause, text, out);
	case TAKES_CERTIFICATE:
		return print(out, CAUSE_TEXT, "%s: %s", text, X509_verify_cert_error_string(cause.detail));
	case TAKES_NUMBER:
		return print(out, CAUSE_TEXT, "%s %u", text, cause.detail);
	}
	return print(out, CAUSE_TEXT, "%s%s%s", text, before, error);
}

const char *cause_text(enum why why)
{
	return causes[why < WHYS ? why : WHY_UNKNOWN].text;
}
